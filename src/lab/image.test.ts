import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { output, spawn } from '../platform/platform.ts';
import { imageArchive, isDynamic, labImage } from './image.ts';
import { tar } from './tar.ts';

async function unpacked(archive: Buffer): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'image-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(`${directory}/archive.tar`, archive);
  await output(spawn, { argv: ['tar', '-xf', 'archive.tar', '--no-same-owner'], cwd: directory });
  return directory;
}

test('tar itself unpacks what was packed, modes and links included', async () => {
  const data = Buffer.from('x'.repeat(1000));
  const directory = await unpacked(
    tar([
      { type: 'directory', path: 'bin', mode: 0o755 },
      { type: 'file', path: 'bin/tool', data, mode: 0o755 },
      { type: 'file', path: 'empty', data: Buffer.alloc(0), mode: 0o644 },
      { type: 'symlink', path: 'bin/alias', target: 'tool' },
    ]),
  );
  const listing = await output(spawn, {
    argv: ['stat', '-c', '%A %s %N', 'bin/tool', 'bin/alias', 'empty'],
    cwd: directory,
  });
  expect(listing.split('\n').slice(0, 3)).toEqual([
    "-rwxr-xr-x 1000 'bin/tool'",
    "lrwxrwxrwx 4 'bin/alias' -> 'tool'",
    "-rw-r--r-- 0 'empty'",
  ]);
  expect(await readFile(`${directory}/bin/alias`)).toEqual(data);
});

test('a path that no tar header holds is refused', () => {
  expect(() => tar([{ type: 'directory', path: 'a'.repeat(101), mode: 0o755 }])).toThrow(RangeError);
});

test('the same busybox gives the same image, and its manifest names layer, configuration and tag', async () => {
  const archive = imageArchive(Buffer.from('busybox'), ['sh', 'ping']);
  expect(imageArchive(Buffer.from('busybox'), ['sh', 'ping'])).toEqual(archive);
  const directory = await unpacked(archive);
  const [manifest] = JSON.parse(await readFile(`${directory}/manifest.json`, 'utf8'));
  expect(manifest).toMatchObject({ RepoTags: [labImage], Layers: ['layer/layer.tar'] });
  const digest = (await output(spawn, { argv: ['sha256sum', 'layer/layer.tar'], cwd: directory })).split(' ')[0];
  const config = JSON.parse(await readFile(`${directory}/${manifest.Config}`, 'utf8'));
  expect(config.rootfs.diff_ids).toEqual([`sha256:${digest}`]);
});

test('a program that needs shared libraries is told from one that does not', () => {
  const elf = (types: number[]) => {
    const file = Buffer.alloc(64 + types.length * 56);
    file.writeBigUInt64LE(64n, 32);
    file.writeUInt16LE(56, 54);
    file.writeUInt16LE(types.length, 56);
    types.forEach((type, index) => {
      file.writeUInt32LE(type, 64 + index * 56);
    });
    return file;
  };
  expect(isDynamic(elf([1, 1]))).toBe(false);
  expect(isDynamic(elf([6, 3, 1]))).toBe(true);
});

/** With tar(1) and real files here; the container's side is an archive in memory. */
import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { type ByteStream, channels } from '../../protocol/api.ts';
import { runCli } from './cli.ts';
import { fakeCluster } from './testing/fake-cluster.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

let at: string;
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'trama-cp-'));
});
afterEach(() => rmSync(at, { recursive: true, force: true }));

const tar = (...words: string[]) => execFileSync('tar', words, { maxBuffer: 64 * 1024 * 1024 });

/** A container with these paths. */
function container(paths: Record<string, { kind: string; linkTarget?: string }>) {
  return fakeCluster().on('workload.path', ({ path }: { path: string }) => {
    const found = paths[path.replace(/\/\.?$/, '') || '/'];
    return { found: found === undefined ? null : { size: 0, linkTarget: '', ...found } };
  });
}

const archives = (archive: Buffer) => (stream: ByteStream) => {
  void (async () => {
    for (let from = 0; from < archive.length; from += 10_000) {
      await stream.send(channels.stdout, archive.subarray(from, from + 10_000));
    }
    stream.end({});
  })().catch(() => {});
};

/** What is uploaded, taken apart in a directory here. */
const takes = (directory: string) => (stream: ByteStream) => {
  const child = spawn('tar', ['-x', '-C', directory], { stdio: ['pipe', 'ignore', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  void (async () => {
    for await (const { channel, data } of stream) {
      if (channel === channels.stdin) child.stdin.write(data);
      else if (Buffer.from(data).toString().includes('end-of-input')) {
        child.stdin.end();
        await closed;
        stream.end({});
      }
    }
  })().catch(() => child.kill());
};

function tree(): void {
  mkdirSync(join(at, 'site/sub dir'), { recursive: true });
  writeFileSync(join(at, 'site/sub dir/page'), 'hello', { mode: 0o640 });
  symlinkSync('sub dir/page', join(at, 'site/link'));
}

describe('from a container', () => {
  test('a directory, with its links and modes, under a new name', async () => {
    tree();
    const api = container({ '/srv/site': { kind: 'directory' } }).onOpen(archives(tar('-c', '-C', at, 'site')));
    expect(await trama(['cp', 'web:/srv/site', join(at, 'copy')], { api })).toMatchObject({
      code: 0,
      out: '',
      err: '',
    });
    expect(readFileSync(join(at, 'copy/sub dir/page'), 'utf8')).toBe('hello');
    expect(statSync(join(at, 'copy/sub dir/page')).mode & 0o777).toBe(0o640);
    expect(readlinkSync(join(at, 'copy/link'))).toBe('sub dir/page');
    expect(api.opened[0]).toMatchObject({ method: 'workload.archive', params: { name: 'web', path: '/srv/site' } });
  });

  test('a file, under whatever name', async () => {
    writeFileSync(join(at, 'x'), 'text');
    const archive = tar('-c', '-C', at, 'x');
    for (const name of ['a & b', 'back\\slash', 'p|pe;s', '-dash']) {
      const api = container({ '/x': { kind: 'file' } }).onOpen(archives(archive));
      expect(await trama(['cp', 'web:/x', join(at, name)], { api })).toMatchObject({ code: 0 });
      expect(readFileSync(join(at, name), 'utf8')).toBe('text');
    }
  });

  test('to our output, as an archive', async () => {
    const api = container({ '/x': { kind: 'file' } }).onOpen(archives(Buffer.from('an archive')));
    expect(await trama('cp web:/x -', { api })).toMatchObject({ code: 0, out: 'an archive' });
  });

  test('what a link leads to, when that is asked for', async () => {
    const paths = {
      '/l': { kind: 'link', linkTarget: 'm' },
      '/m': { kind: 'link', linkTarget: '/d/x' },
      '/d/x': { kind: 'file' },
    };
    const api = container(paths).onOpen(archives(Buffer.from('x')));
    await trama('cp -L web:/l -', { api });
    expect(api.opened[0]?.params).toMatchObject({ path: '/d/x' });
    const round = container({ '/l': { kind: 'link', linkTarget: '/l' } });
    expect(await trama('cp -L web:/l -', { api: round })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/link to link/),
    });
  });

  test('an archive that leads out of its directory stays in it', async () => {
    mkdirSync(join(at, 'evil'));
    symlinkSync(at, join(at, 'evil/out'));
    writeFileSync(join(at, 'page'), 'evil');
    const archive = tar(
      '-c',
      '-C',
      at,
      '--transform=s|^page|evil/out/stolen|',
      '--transform=s|^evil$|evil|',
      'evil',
      'page',
    );
    mkdirSync(join(at, 'here'));
    const api = container({ '/evil': { kind: 'directory' } }).onOpen(archives(archive));
    await trama(['cp', 'web:/evil', join(at, 'here')], { api });
    expect(() => statSync(join(at, 'stolen'))).toThrow('ENOENT');
  });

  test('what is not there, here or there, is said', async () => {
    const api = container({ '/x': { kind: 'file' }, '/d': { kind: 'directory' } });
    expect(await trama('cp web:/nope .', { api })).toMatchObject({ code: 1, err: 'trama: there is no /nope in web\n' });
    writeFileSync(join(at, 'file'), '');
    for (const [from, to, why] of [
      ['web:/x', join(at, 'no/y'), /there is no directory/],
      ['web:/d', join(at, 'no/y'), /there is no directory/],
      ['web:/d', join(at, 'file'), /is no directory/],
    ] as const) {
      const refusing = container({ '/x': { kind: 'file' }, '/d': { kind: 'directory' } }).onOpen(
        archives(Buffer.alloc(0)),
      );
      expect(await trama(['cp', from, to], { api: refusing })).toMatchObject({
        code: 1,
        err: expect.stringMatching(why),
      });
    }
  });

  test('a connection that is lost is said, with a code of its own', async () => {
    const api = container({ '/x': { kind: 'file' } }).onOpen((stream) =>
      stream.reset(new Failure('unavailable', 'gone')),
    );
    expect(await trama(['cp', 'web:/x', at], { api })).toMatchObject({
      code: 125,
      err: 'trama: the connection to web was lost, and not all is copied: gone\n',
    });
  });
});

describe('to a container', () => {
  test('a directory, with a name of its own, and its contents alone', async () => {
    tree();
    for (const [from, what] of [
      [join(at, 'site'), 'site/'],
      [`${at}/site/.`, ''],
    ] as const) {
      const into = mkdtempSync(join(at, 'into-'));
      const api = container({ '/srv': { kind: 'directory' } }).onOpen(takes(into));
      expect(await trama(['cp', from, 'web:/srv'], { api })).toMatchObject({ code: 0, err: '' });
      expect(readFileSync(join(into, `${what}sub dir/page`), 'utf8')).toBe('hello');
      expect(readlinkSync(join(into, `${what}link`))).toBe('sub dir/page');
      expect(api.opened[0]).toMatchObject({ method: 'workload.extract', params: { path: '/srv', toUser: false } });
    }
  });

  test('an archive on our input, into a directory', async () => {
    tree();
    const into = mkdtempSync(join(at, 'into-'));
    const api = container({ '/srv': { kind: 'directory' }, '/x': { kind: 'file' } }).onOpen(takes(into));
    const io = new FakeIo({ api });
    io.keys.end(tar('-c', '-C', at, 'site'));
    expect(await runCli(['cp', '-', 'web:/srv'], io)).toBe(0);
    expect(readFileSync(join(into, 'site/link'), 'utf8')).toBe('hello');
    expect(await trama('cp - web:/x', { api })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/is no directory/),
    });
  });

  test('what it refuses ends it, however much there is still to send', async () => {
    writeFileSync(join(at, 'big'), Buffer.alloc(8 * 1024 * 1024));
    const api = container({ '/srv': { kind: 'directory' } }).onOpen((stream) => {
      setTimeout(() => stream.reset(new Failure('exhausted', 'the disk is full')), 20);
    });
    expect(await trama(['cp', join(at, 'big'), 'web:/srv'], { api })).toMatchObject({
      code: 1,
      err: 'trama: the disk is full\n',
    });
  });

  test('what cannot be read here ends it', async () => {
    const api = container({ '/srv': { kind: 'directory' } }).onOpen(() => {});
    expect(await trama(['cp', join(at, 'nope'), 'web:/srv'], { api })).toMatchObject({ code: 1 });
    mkdirSync(join(at, 'd'));
    vi.stubEnv('PATH', '/nonexistent');
    try {
      expect(await trama(['cp', join(at, 'd'), 'web:/srv'], { api })).toMatchObject({
        code: 1,
        err: expect.stringMatching(/tar is not installed/),
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

test('two containers, or none, are no copy', async () => {
  expect(await trama('cp web:/x db:/x')).toMatchObject({ code: 2 });
  expect(await trama('cp x y')).toMatchObject({ code: 2 });
});

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Failure } from '../domain/domain.ts';
import { output, type Spawn } from '../platform/platform.ts';
import { type TarEntry, tar } from './tar.ts';

/** The image that every simulated host with Docker has: busybox, and a page in /www, where `httpd -f` serves it. */
export const labImage = 'trama/busybox:1';

const busyboxPath = '/bin/busybox';

/** @returns what `docker load` reads. The same busybox gives the same image id on every host. */
export async function buildImage(run: Spawn): Promise<Buffer> {
  const busybox = await readFile(busyboxPath).catch((cause: unknown) => {
    throw new Failure('unavailable', `${busyboxPath} is missing; install Debian's busybox-static.`, { cause });
  });
  if (isDynamic(busybox)) {
    throw new Failure('unavailable', `${busyboxPath} needs shared libraries; install Debian's busybox-static instead.`);
  }
  const applets = await output(run, { argv: [busyboxPath, '--list'] });
  return imageArchive(
    busybox,
    applets.split('\n').filter((name) => name !== '' && name !== 'busybox'),
  );
}

export function imageArchive(busybox: Uint8Array, applets: readonly string[]): Buffer {
  const layer = tar([...skeleton, executable('bin/busybox', busybox), ...applets.map(applet)]);
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    // Most applets ignore SIGTERM as pid 1: `docker stop` would wait its ten seconds for nothing.
    config: { Cmd: ['sh'], Env: ['PATH=/bin'], WorkingDir: '/www', StopSignal: 'SIGKILL' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const configName = `${sha256(config)}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [labImage], Layers: ['layer/layer.tar'] }]);
  return tar([
    directory('layer', 0o755),
    { type: 'file', path: 'layer/layer.tar', data: layer, mode: 0o644 },
    text(configName, config),
    text('manifest.json', manifest),
  ]);
}

/** An ELF64 file with a PT_INTERP program header; see elf(5). */
export function isDynamic(elf: Buffer): boolean {
  const headers = Number(elf.readBigUInt64LE(32));
  const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(headers + index * size)).includes(3);
}

const directory = (path: string, mode: number): TarEntry => ({ type: 'directory', path, mode });
const text = (path: string, content: string): TarEntry => ({
  type: 'file',
  path,
  data: Buffer.from(content),
  mode: 0o644,
});
const executable = (path: string, data: Uint8Array): TarEntry => ({ type: 'file', path, data, mode: 0o755 });
const applet = (name: string): TarEntry => ({ type: 'symlink', path: `bin/${name}`, target: 'busybox' });
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

const skeleton: readonly TarEntry[] = [
  ...['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'var', 'www'].map((path) => directory(path, 0o755)),
  directory('tmp', 0o1777),
  text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
  text('etc/group', 'root:x:0:\nnogroup:x:65534:\n'),
  text('www/index.html', 'hello\n'),
];

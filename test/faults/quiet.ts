/** 9: at rest nothing is written. Listens to the kernel's own announcements, in the host's namespace and in Trama's. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LabHost, Started } from '../../src/lab/lab.ts';

const listeners = [
  ['ip', 'monitor', 'link', 'address', 'route', 'neigh'],
  ['nft', 'monitor'],
  ['nsenter', '--net=/run/netns/trama', 'ip', 'monitor', 'link', 'address', 'route', 'neigh'],
  ['nsenter', '--net=/run/netns/trama', 'bridge', 'monitor', 'fdb'],
  ['nsenter', '--net=/run/netns/trama', 'nft', 'monitor'],
] as const;

/** @returns what was written of Trama's meanwhile */
export async function writesWithin(hosts: readonly LabHost[], ms: number): Promise<string[]> {
  const started = await Promise.all(
    hosts.flatMap((host) =>
      listeners.map(async (argv) => ({ host, argv, process: await host.start([...argv], { name: 'monitor' }) })),
    ),
  );
  await delay(ms);
  const ends = started.map(async ({ host, argv, process }) => {
    const heard = await heardBy(process);
    return heard.map((line) => `9: written on ${host.name} at rest, says ${argv.join(' ')}: ${line}`);
  });
  return (await Promise.all(ends)).flat();
}

async function heardBy(process: Started): Promise<string[]> {
  process.kill('SIGKILL');
  await process.ended;
  const lines = (await process.output()).split('\n').filter((line) => line.trim() !== '');
  // What the kernel itself learns and forgets of its neighbours is no write of anybody's.
  return lines.filter(
    (line) => /\btr[bxghv][0-9a-f]|trama/.test(line) && !/REACHABLE|STALE|DELAY|PROBE|FAILED|NOARP/.test(line),
  );
}

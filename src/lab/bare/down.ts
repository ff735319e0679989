/** Removes a lab by what the kernel shows, whoever built it and however far. */
import { readdir, rmdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../domain/domain.ts';
import { build } from '../../kernel/kernel.ts';
import { processesInNetworks, processesWithEnvironment, type Spawn, signalProcess } from '../../platform/platform.ts';
import { hasDisks, labsWithDisks } from '../machines/disks.ts';
import { cgroupOf, disksDirectory, disksOf } from '../machines/names.ts';
import { removeCgroups, removeTree } from '../reaper.ts';
import { namespaceOf } from '../topology/namespaces.ts';
import { downSteps } from './plan.ts';
import { isAlive, labelOf, readRecord, recordedNames, removeRecord } from './records.ts';

/** @throws Failure: there is no such lab, somebody is building it, or something could not be removed */
export async function down(name: string, spawn: Spawn): Promise<void> {
  const record = await readRecord(name);
  if (record?.state === 'building' && record.owner.pid !== process.pid && (await isAlive(record))) {
    throw new Failure('conflict', `lab ${name} is being built by process ${record.owner.pid}: wait, or end that first`);
  }
  if (!(await labNames()).includes(name)) {
    throw new Failure('not-found', `there is no lab ${name}: \`trama lab ls\` shows those that there are`);
  }
  await tearDown(name, spawn);
}

/** Namespaces of a lab that there are. */
export async function namespacesOf(name: string): Promise<string[]> {
  const prefix = namespaceOf(name, '');
  return (await readdir('/run/netns').catch(() => [])).filter((ns) => ns.startsWith(prefix)).sort();
}

/** Names of labs of which there is anything: a record, namespaces, or disks, which alone outlast a restart of this machine. */
export async function labNames(): Promise<string[]> {
  const namespaces = await readdir('/run/netns').catch(() => []);
  const inKernel = namespaces.flatMap((ns) => /^trama\.([^.]+)\.[^.]+$/.exec(ns)?.[1] ?? []);
  return [...new Set([...(await recordedNames()), ...inKernel, ...(await labsWithDisks())])].sort();
}

/** What a killed builder has started may still be at work, and goes first. @throws Failure */
export async function tearDown(name: string, spawn: Spawn): Promise<void> {
  await killAll(() => processesWithEnvironment(`TRAMA_TOPOLOGY=${labelOf(name).TRAMA_TOPOLOGY}`));
  const namespaces = await namespacesOf(name);
  await killAll(() => processesInNetworks(namespaces.map((ns) => `/run/netns/${ns}`)));
  const results = await build(
    downSteps(namespaces).map(({ step }) => step),
    spawn,
  );
  if (await hasDisks(name)) {
    await removeCgroups(cgroupOf(name));
    await removeTree(disksOf(name), spawn);
    // Others may have disks there.
    await rmdir(disksDirectory).catch(() => {});
  }
  const left = await namespacesOf(name);
  const told = results.find((result) => result.outcome !== 'done');
  if (left.length > 0) {
    const why = told?.message ?? 'they came back';
    throw new Failure('internal', `of lab ${name} there are still ${left.join(', ')}: ${why}; try again`);
  }
  await removeRecord(name);
}

async function killAll(find: () => Promise<readonly number[]>): Promise<void> {
  for (let attempts = 1000; attempts > 0; attempts -= 1) {
    const pids = (await find()).filter((pid) => pid !== process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) signalProcess(pid, 'SIGKILL');
    await delay(10);
  }
  throw new Failure('internal', 'some processes of the lab outlive SIGKILL: see them with `ip netns pids`');
}

/** What processes take, read from /proc once a second. */
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/platform/platform.ts';

/** Of the kernel's accounting; `getconf CLK_TCK`, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const megabyte = 1e6;

export interface Watched {
  readonly label: string;
  readonly pids: readonly number[];
}

export interface Readings {
  /** Of all of a label's processes together, once a second: percent of a core. */
  readonly cpu: ReadonlyMap<string, readonly number[]>;
  /** Of the largest of a label's processes, once a second: megabytes. */
  readonly resident: ReadonlyMap<string, readonly number[]>;
  /** Percent of a core that everything on the machine took. */
  readonly machine: readonly number[];
}

/** Until `over` resolves. */
export async function readUntil(over: Promise<unknown>, watched: readonly Watched[]): Promise<Readings> {
  const cpu = new Map<string, number[]>(watched.map(({ label }) => [label, []]));
  const resident = new Map<string, number[]>(watched.map(({ label }) => [label, []]));
  const machine: number[] = [];
  let done = false;
  const finish = () => {
    done = true;
  };
  over.then(finish, finish);
  let before = await look(watched);
  while (!done) {
    await systemClock.sleep(1000);
    const after = await look(watched);
    const share = (later: number, earlier: number) => (100 * (later - earlier)) / (after.at - before.at);
    for (const [index, { label }] of watched.entries()) {
      cpu.get(label)?.push(share(after.seconds[index] ?? 0, before.seconds[index] ?? 0));
      resident.get(label)?.push(after.resident[index] ?? 0);
    }
    machine.push(share(after.machine, before.machine));
    before = after;
  }
  return { cpu, resident, machine };
}

async function look(watched: readonly Watched[]) {
  const at = performance.now() / 1000;
  const seconds = await Promise.all(watched.map(async ({ pids }) => sum(await Promise.all(pids.map(cpuSeconds)))));
  const resident = await Promise.all(
    watched.map(async ({ pids }) => Math.max(...(await Promise.all(pids.map(residentMegabytes))))),
  );
  return { at, seconds, resident, machine: await machineSeconds() };
}

/** @returns 0 for one that has ended */
async function residentMegabytes(pid: number): Promise<number> {
  return (await kibibytes(pid, 'VmRSS')) * (1024 / megabyte);
}

/** The most that it ever had. */
export async function mostMegabytes(pid: number): Promise<number> {
  return (await kibibytes(pid, 'VmHWM')) * (1024 / megabyte);
}

async function kibibytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
}

/** Fields 14 and 15 of proc_pid_stat(5). */
async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/** All but idle, iowait and what guests took, which is counted elsewhere as well: proc_stat(5). */
async function machineSeconds(): Promise<number> {
  const line = (await readFile('/proc/stat', 'utf8')).split('\n', 1)[0] ?? '';
  const fields = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return (sum(fields) - (fields[3] ?? 0) - (fields[4] ?? 0)) / ticksPerSecond;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

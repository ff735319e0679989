import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process told apart from a later one with the same number: both values, and `bootId`, are equal only for itself. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot; field 22 of proc_pid_stat(5). */
  readonly startTime: string;
}

/** @returns undefined when there is no such process, or only a zombie of it. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readProcess(`/proc/${pid}/stat`);
  // The command's name may hold spaces and parentheses: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTime };
}

export async function isRunning(process: ProcessIdentity): Promise<boolean> {
  return (await identify(process.pid))?.startTime === process.startTime;
}

/** Changes with every start of the machine. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** Direct children of a process with one thread. Empty when it is gone. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readProcess(`/proc/${pid}/task/${pid}/children`);
  return text.split(' ').filter(Boolean).map(Number);
}

/** The terminal (`/dev/pts/3`) that is a process's input; undefined when it is none, or the process is gone. */
export async function terminalOf(pid: number): Promise<string | undefined> {
  const input = await readlink(`/proc/${pid}/fd/0`).catch(() => '');
  return input.startsWith('/dev/pts/') ? input : undefined;
}

/** Processes that were started with `NAME=value` in their environment. Of other users' ones only root is told. */
export async function processesWithEnvironment(assignment: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    const environment = await readProcess(`/proc/${pid}/environ`);
    if (environment.split('\0').includes(assignment)) found.push(Number(pid));
  }
  return found;
}

/** Of its process group; undefined when it is gone. Field 5 of proc_pid_stat(5). */
export async function groupOf(pid: number): Promise<number | undefined> {
  const stat = await readProcess(`/proc/${pid}/stat`);
  const group = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
  return group === undefined ? undefined : Number(group);
}

/** Sends a signal; a process that is gone already is none's error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Files of a process vanish with it: ENOENT before they are opened, ESRCH after; both read as ''. */
async function readProcess(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return '';
    throw error;
  }
}

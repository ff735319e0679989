import { randomInt } from 'node:crypto';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { bootId, identify, isRunning, type ProcessIdentity, readAll, writeDurably } from '../platform/platform.ts';

/**
 * A lab's session: its name, from which the names of everything it makes follow, and the record that says who owns it.
 * The record is written before anything is made, so whatever a killed run left can be found: by name, by nothing else.
 */
export interface Session {
  /** Six characters, unique among the sessions of the machine. */
  readonly name: string;
  readonly owner: ProcessIdentity;
  readonly bootId: string;
}

const records = '/run/trama-lab';
const directories = '/var/tmp/trama-lab';

/** Disks, logs and images of the session's hosts. */
export const directoryOf = (session: string) => `${directories}/${session}`;
/** Name of a network namespace, as `ip netns` lists it. */
export const namespaceOf = (session: string, member: string) => `${namespacePrefix(session)}${member}`;
export const namespacePrefix = (session: string) => `tl${session}-`;
/** Parent of the containers' control groups, in every hierarchy. */
export const cgroupOf = (session: string) => `/trama-lab-${session}`;
/** In the environment of every process that the session starts. */
export const labelOf = (session: string) => ({ TRAMA_LAB: session });

export async function openSession(): Promise<Session> {
  const owner = await identify(process.pid);
  if (!owner) throw new Error(`/proc/${process.pid}/stat does not tell when this process started`);
  const name = Array.from({ length: 6 }, () => '0123456789abcdefghijklmnopqrstuvwxyz'[randomInt(36)]).join('');
  const session = { name, owner, bootId: await bootId() };
  await writeRecord(session);
  await mkdir(directoryOf(name), { recursive: true, mode: 0o700 });
  return session;
}

/** Tried again, since the end of another session may remove the directory just before the file is written. */
async function writeRecord(session: Session, attempts = 5): Promise<void> {
  try {
    await mkdir(records, { recursive: true, mode: 0o700 });
    await writeDurably(`${records}/${session.name}.json`, JSON.stringify(session));
  } catch (error) {
    if (attempts === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await writeRecord(session, attempts - 1);
  }
}

/** The last act of a session: nothing of it may be left. */
export async function closeSession(name: string): Promise<void> {
  for (const file of await readdir(records).catch(() => [])) {
    if (file.startsWith(`${name}.json`)) await rm(`${records}/${file}`, { force: true });
  }
  for (const directory of [records, directories]) await rmdir(directory).catch(() => {});
}

/** Sessions whose owner is no more. */
export async function deadSessions(): Promise<Session[]> {
  const boot = await bootId();
  const dead: Session[] = [];
  for (const [file, text] of await readAll(records)) {
    const session = parse(text);
    if (session === undefined || file !== `${session.name}.json`) continue;
    if (session.bootId !== boot || !(await isRunning(session.owner))) dead.push(session);
  }
  return dead;
}

/** Names end up in paths that are removed: what is no session's name is not one of our records. */
function parse(text: string): Session | undefined {
  try {
    const value: Session = JSON.parse(text);
    const whole = typeof value.owner.pid === 'number' && typeof value.owner.startTime === 'string';
    return whole && /^[0-9a-z]{6}$/.test(value.name) ? value : undefined;
  } catch {
    return undefined;
  }
}

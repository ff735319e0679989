/** Root, disk, Docker, and Trama itself on this host. */
import { type Asked, about, askAsRoot, type Finding } from '../finding.ts';

export function judgeRoot(uid: number | undefined): Finding[] {
  const { pass, fail } = about('root');
  if (uid === 0) return [pass('this user', 'is root')];
  return [fail('this user', `is not root (uid ${uid ?? 'unknown'}): much could not be looked at`, askAsRoot)];
}

export interface DiskFact {
  readonly directory: string;
  /** Bytes. */
  readonly free: number;
  readonly total: number;
  readonly files?: number;
}

const mebi = 2 ** 20;
/** A store grows by some MiB a day; below the second a write may fail at any moment. */
const [scarce, none] = [512 * mebi, 32 * mebi];

export function judgeDisk(fact: Asked<DiskFact>): Finding[] {
  const { pass, warn, fail } = about('disk');
  if ('notAsked' in fact) return [warn('state directory', fact.notAsked, 'Look at the file system it is on.')];
  const { directory, free, total, files } = fact.value;
  const left = `${Math.floor(free / mebi)} MiB of ${Math.floor(total / mebi)} MiB are free`;
  const remedy = `Free some space on the file system of ${directory}, or move it with --state.`;
  if (files === 0) return [fail(directory, 'no further file can be made: no inode is free', remedy)];
  if (free < none) return [fail(directory, left, remedy)];
  return [free < scarce ? warn(directory, left, remedy) : pass(directory, left)];
}

export interface DockerFact {
  readonly available: boolean;
  /** Version and API; or a sentence that says what is wrong and what to do. */
  readonly message: string;
  readonly socket: string;
}

export function judgeDocker({ available, message, socket }: DockerFact): Finding[] {
  const { pass, fail } = about('docker');
  if (available) return [pass(socket, message)];
  const hint =
    'Start Docker (`systemctl start docker`), or install 20.10 or newer, or name its socket with --docker-socket.';
  return [fail(socket, message, hint)];
}

export interface AgentFact {
  readonly node: string;
  /** Of its connection to the servers. */
  readonly link: string;
  readonly message: string;
  readonly servers: readonly string[];
}

export function judgeAgent(agent: Asked<AgentFact>, joined: string | undefined): Finding[] {
  const { pass, warn, fail } = about('agent');
  if ('notAsked' in agent) {
    const { notAsked: why, denied } = agent;
    if (denied === true) return [warn('this host', `not asked: ${why}`, askAsRoot)];
    const subject = joined === undefined ? 'this host' : `node ${joined}`;
    const state = joined === undefined ? 'has not joined a cluster' : 'no agent answers';
    const remedy =
      joined === undefined
        ? 'Join it with `trama agent --join TOKEN@HOST`.'
        : 'Start the agent (`systemctl start trama-agent`, or `trama agent`).';
    return [warn(subject, `${state}: ${why}`, remedy)];
  }
  const { node, link, message, servers } = agent.value;
  if (link === 'ready') return [pass(`node ${node}`, `connected to ${servers.join(', ')}`)];
  const remedy =
    link === 'refused'
      ? 'Let it join again: `trama node leave --force`, then `trama agent --join TOKEN@HOST` with a new token.'
      : 'Look at the servers it names, and at the ports on the way to them (server-ports).';
  return [fail(`node ${node}`, `is not connected to ${servers.join(', ')}: ${message || link}`, remedy)];
}

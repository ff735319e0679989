/** The servers' ports as seen from here, and the ports that Trama needs of this host. */
import type { Reached } from '../../platform/platform.ts';
import { type Asked, about, type Finding } from '../finding.ts';

export interface ServerPort {
  readonly host: string;
  readonly port: number;
  readonly purpose: string;
  readonly reached: Reached;
}

const reasons: Readonly<Record<Exclude<Reached, 'open'>, string>> = {
  refused: 'nobody listens there',
  silent: 'nothing answers: a filter on the way, or the host is off',
  unreachable: 'there is no way to that host',
};

const remedies: Readonly<Record<Exclude<Reached, 'open'>, string>> = {
  refused: 'Start the server there (`systemctl status trama-server`), or let this host join again if it has moved.',
  silent: 'Let TCP to this port through on the server and on the way to it, or switch the server on.',
  unreachable: 'Look at this host’s routes (`ip route get HOST`) and its cable.',
};

export function judgeServerPorts(ports: Asked<readonly ServerPort[]>): Finding[] {
  const { pass, warn, fail } = about('server-ports');
  if ('notAsked' in ports) {
    return [warn('servers', `not asked: ${ports.notAsked}`, 'Join a cluster, or run this as root, then try again.')];
  }
  const ofServer = (host: string) => ports.value.filter((each) => each.host === host);
  const isThere = (host: string) => ofServer(host).every(({ reached }) => reached === 'open');
  const isAway = (host: string) => ofServer(host).every(({ reached }) => reached !== 'open');
  const another = ports.value.some(({ host }) => isThere(host));
  return ports.value.map(({ host, port, purpose, reached }) => {
    const subject = `${host}:${port}`;
    if (reached === 'open') return pass(subject, `${purpose}: open`);
    // One of several servers may be away: that is what the others are for.
    const say = another && isAway(host) ? warn : fail;
    return say(subject, `${purpose}: ${reasons[reached]}`, remedies[reached]);
  });
}

export interface OwnPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly purpose: string;
  /** Whether Trama needs it now on this host; otherwise it would, if a server were started here. */
  readonly needed: boolean;
  /** Command lines of those who have it; `kernel`: the kernel itself, as of VXLAN. */
  readonly holders: readonly string[];
}

export function judgeOwnPorts(ports: readonly OwnPort[]): Finding[] {
  const { pass, warn, fail } = about('own-ports');
  return ports.map(({ protocol, port, purpose, needed, holders }) => {
    const subject = `${protocol} ${port}`;
    const other = holders.find((holder) => !isTramas(holder));
    if (other === undefined) return pass(subject, `${purpose}: ${holders.length === 0 ? 'free' : "Trama's"}`);
    const found = `${purpose}: taken by another program (${other.slice(0, 120)})`;
    const remedy = 'Let that program use another port, or give Trama another (--requests-port and the like).';
    if (port === 4789) return fail(subject, found, 'Stop that program: VXLAN needs the port for itself.');
    return needed ? fail(subject, found, remedy) : warn(subject, found, remedy);
  });
}

const isTramas = (holder: string): boolean => holder === 'kernel' || /\btrama\b/.test(holder);

/** Sockets of /proc/net/{tcp,udp}{,6} at a port: their inodes; 0 is the kernel's own. TCP: those that listen. */
export function socketsAt(table: string, port: number, protocol: 'tcp' | 'udp'): number[] {
  const inodes: number[] = [];
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const local = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
    if (local !== port || (protocol === 'tcp' && fields[3] !== '0A')) continue;
    inodes.push(Number(fields[9]));
  }
  return inodes;
}

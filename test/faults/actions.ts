/**
 * What a walk does, as data: a history of it is JSON lines, can be run again, and can be made smaller. A round is what people ask
 * for, then a burst of faults during which they ask for more, then the heal and the checks.
 */

/** The hosts, in order. Servers and members of etcd are on the first of them. */
export const hostNames = ['h1', 'h2', 'h3', 'h4', 'h5'] as const;
export type HostName = (typeof hostNames)[number];

export type UserAction =
  | { readonly kind: 'network-create'; readonly network: string; readonly prefix: number; readonly via: HostName }
  | { readonly kind: 'network-rm'; readonly network: string; readonly via: HostName }
  | {
      readonly kind: 'run';
      readonly container: string;
      readonly network: string;
      readonly host: HostName;
      readonly via: HostName;
      /** By `trama run`, or by `docker run` on the host itself. */
      readonly by: 'trama' | 'docker';
      readonly port?: number;
      readonly onNodeLoss?: 'reschedule';
    }
  | { readonly kind: 'stop' | 'start' | 'rm'; readonly container: string; readonly via: HostName };

export type Daemon = 'server' | 'agent' | 'etcd' | 'dockerd';

/** What is damaged by hand: the `pick`th of those that are there, counted round. */
export const damages = [
  'vxlan',
  'bridge',
  'gateway',
  'veth',
  'down',
  'fdb',
  'neighbour',
  'flood',
  'set-element',
  'table',
  'iptables',
  'ruleset',
  'namespace',
] as const;
export type Damage = (typeof damages)[number];

export type FaultAction =
  | {
      readonly kind: 'kill' | 'pause' | 'restart';
      readonly daemon: Daemon;
      readonly host: HostName;
    }
  | { readonly kind: 'cut'; readonly host: HostName; readonly direction: 'cable' | 'in' | 'out' }
  | { readonly kind: 'loss'; readonly host: HostName }
  | { readonly kind: 'power-off'; readonly host: HostName }
  | { readonly kind: 'clock'; readonly host: HostName; readonly hours: 1 | -1 }
  | { readonly kind: 'disk-full'; readonly host: HostName }
  | { readonly kind: 'member-loss'; readonly host: HostName }
  | { readonly kind: 'compaction' }
  | { readonly kind: 'damage'; readonly host: HostName; readonly what: Damage; readonly pick: number };

export interface Round {
  readonly users: readonly UserAction[];
  readonly faults: readonly FaultAction[];
  /** Asked for while the faults last: may be refused. */
  readonly during: readonly UserAction[];
  /** How long the faults last, ms; `eviction`: until the hosts that nobody hears have been given up. */
  readonly lasting: number | 'eviction';
}

export const stepsOf = (round: Round): number => round.users.length + round.faults.length + round.during.length;

/** Faults that take nothing but daemons: connections between containers go on. */
export function sparesConnections(fault: FaultAction): boolean {
  switch (fault.kind) {
    case 'kill':
    case 'pause':
    case 'restart':
      return fault.daemon !== 'dockerd' || keepsContainers(fault.host);
    case 'clock':
    case 'disk-full':
    case 'member-loss':
    case 'compaction':
      return true;
    default:
      return false;
  }
}

/** Root itself takes away the rules that keep networks apart: until they are there again, they are not. */
export const removesIsolation = (fault: FaultAction): boolean =>
  fault.kind === 'damage' && ['table', 'ruleset', 'namespace'].includes(fault.what);

/** Hosts whose dockerd runs with live-restore; the others' containers end with it. */
export const keepsContainers = (host: HostName): boolean => host === 'h4' || host === 'h5';

export function tellUser(action: UserAction): string {
  switch (action.kind) {
    case 'network-create':
      return `network create ${action.network} (/${action.prefix}) at ${action.via}`;
    case 'network-rm':
      return `network rm ${action.network} at ${action.via}`;
    case 'run': {
      const port = action.port === undefined ? '' : `, port ${action.port}`;
      const loss = action.onNodeLoss === undefined ? '' : `, ${action.onNodeLoss}`;
      return `${action.by} run ${action.container} on ${action.host} in ${action.network} at ${action.via}${port}${loss}`;
    }
    default:
      return `${action.kind} ${action.container} at ${action.via}`;
  }
}

export function tellFault(action: FaultAction): string {
  switch (action.kind) {
    case 'kill':
    case 'pause':
    case 'restart':
      return `${action.kind} ${action.daemon} of ${action.host}`;
    case 'cut':
      return action.direction === 'cable' ? `cut ${action.host}` : `cut ${action.host}, ${action.direction}wards only`;
    case 'loss':
      return `30 % loss at ${action.host}`;
    case 'power-off':
      return `power off ${action.host}`;
    case 'clock':
      return `clock of ${action.host} ${action.hours > 0 ? '+' : '-'}1 h`;
    case 'disk-full':
      return `disk of ${action.host} full`;
    case 'member-loss':
      return `etcd member of ${action.host} lost with its data`;
    case 'compaction':
      return 'etcd compacted';
    case 'damage':
      return `damage at ${action.host}: ${action.what} (${action.pick})`;
  }
}

export const toLines = (history: readonly Round[]): string =>
  history.map((round) => `${JSON.stringify(round)}\n`).join('');

export const fromLines = (text: string): Round[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Round);

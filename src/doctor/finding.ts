/** What a check has found. */

/** In the order in which they are told. */
export const checks = [
  'root',
  'tools',
  'kernel',
  'docker',
  'disk',
  'agent',
  'clock',
  'server-ports',
  'own-ports',
  'nic',
  'routes',
  'mtu',
  'vxlan',
  'checksum',
  'firewall',
  'addresses',
  'drift',
] as const;

export type Check = (typeof checks)[number];

export interface Finding {
  readonly check: Check;
  /** What of: a tool, a node, a network. */
  readonly subject: string;
  readonly status: 'pass' | 'warn' | 'fail';
  /** What was found, in a few words or a sentence. */
  readonly found: string;
  /** What to do about it, one sentence; empty when there is nothing to do. */
  readonly remedy: string;
}

/** Of one check, about several subjects. */
export const about = (check: Check) => ({
  pass: (subject: string, found: string): Finding => ({ check, subject, status: 'pass', found, remedy: '' }),
  warn: (subject: string, found: string, remedy: string): Finding => ({
    ...{ check, subject, status: 'warn', found, remedy },
  }),
  fail: (subject: string, found: string, remedy: string): Finding => ({
    ...{ check, subject, status: 'fail', found, remedy },
  }),
});

/** What could be asked of somebody, or a sentence that says why it was not. */
export type Asked<T> = { readonly value: T } | NotAsked;

export interface NotAsked {
  readonly notAsked: string;
  /** Who asked may not: root may. */
  readonly denied?: boolean;
}

export const askAsRoot = 'Run it with sudo.';

/** What the check `agent` says to do, and is not said again with each. */
const toldThere = /: (start one with|the token is used up) .*$/;

/** A check that needs the cluster, and did not get to it. */
export function notAsked(check: Check, subject: string, { notAsked: why, denied }: NotAsked): Finding {
  const remedy = denied === true ? askAsRoot : 'Mend what the check `agent` says, then run this again.';
  return about(check).warn(subject, `not asked: ${why.replace(toldThere, '')}`, remedy);
}

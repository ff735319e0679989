/** This host's clock against a server's. */
import { type Asked, about, type Finding, notAsked } from '../finding.ts';

/** All in ms since 1970; the server's between the other two. */
export interface ClockFact {
  readonly asked: number;
  readonly server: number;
  readonly answered: number;
}

/** Ages and times of events are off by as much. */
const noticedMs = 1000;
/** A token that lives an hour, and certificates of etcd's, are taken for expired or not begun. */
const harmfulMs = 60_000;

export function judgeClock(fact: Asked<ClockFact>): Finding[] {
  const { pass, warn, fail } = about('clock');
  if ('notAsked' in fact) return [notAsked('clock', 'server', fact)];
  const { asked, server, answered } = fact.value;
  const skew = (asked + answered) / 2 - server;
  // As far as the way there and back leaves it open, the clocks may agree.
  const certain = Math.max(0, Math.abs(skew) - (answered - asked) / 2);
  const found = `${skew < 0 ? 'behind' : 'ahead of'} the server's by ${shown(Math.abs(skew))}`;
  const remedy = 'Let both hosts follow the same time: `timedatectl set-ntp true`, or chrony.';
  if (certain >= harmfulMs) return [fail('this host', found, remedy)];
  if (certain >= noticedMs) return [warn('this host', found, remedy)];
  return [
    pass('this host', `agrees with the server's within ${shown(Math.ceil(Math.abs(skew) + (answered - asked) / 2))}`),
  ];
}

const shown = (ms: number): string => (ms < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1000)} s`);

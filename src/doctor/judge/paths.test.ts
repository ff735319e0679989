import { describe, expect, test } from 'vitest';
import type { Finding } from '../finding.ts';
import { judgePaths, type Overlay, type Peer, type Underlay } from './paths.ts';

const none = { sent: 3, received: 0 };
const all = { sent: 3, received: 3 };
const untried = { sent: 0, received: 0, untried: 'ping is not installed' };

const overlay: Overlay = { network: 'app', mtu: 1450, port: 4789, small: all, full: all, tcp: 'open' };
const underlay: Underlay = { mtu: 1500, full: all };
const peer: Peer = { node: 'h2', address: '10.0.0.2', status: 'ready', underlay, overlay, needs: 1500 };

const judged = (change: Partial<Peer>) => judgePaths({ value: [{ ...peer, ...change }] });

function told(findings: readonly Finding[]): string[] {
  for (const { status, remedy } of findings) expect(remedy === '').toBe(status === 'pass');
  return findings.map(({ status, check, found }) => `${status} ${check}: ${found}`);
}

const of = (check: string, findings: readonly Finding[]) => told(findings.filter((each) => each.check === check));

test('all is well', () => {
  expect(told(judged({}))).toEqual([
    'pass mtu: packets of 1500 bytes reach 10.0.0.2 whole',
    'pass vxlan: UDP 4789 passes both ways, with packets of 1450 bytes in network app',
    'pass checksum: TCP inside VXLAN arrives intact',
  ]);
});

test('a node that is down, one that shares no network, and nobody', () => {
  const { underlay: _, overlay: __, ...down } = { ...peer, status: 'down' };
  expect(told(judgePaths({ value: [down] }))).toEqual([
    'warn mtu: not tried: the node is down',
    'warn vxlan: not tried: the node is down',
  ]);
  const { overlay: ___, ...alone } = peer;
  expect(of('vxlan', judgePaths({ value: [alone] }))).toEqual(['warn vxlan: no common network to try it on']);
  expect(of('vxlan', judgePaths({ value: [{ ...alone, withoutVxlan: true }] }))).toEqual([
    'pass vxlan: no network of the cluster needs it',
  ]);
  expect(told(judgePaths({ value: [] }))).toEqual(['pass mtu: there is none yet', 'pass vxlan: there is none yet']);
  expect(told(judgePaths({ notAsked: 'no agent' }))).toEqual([
    'warn mtu: not asked: no agent',
    'warn vxlan: not asked: no agent',
  ]);
});

describe('full-size packets', () => {
  const mtu = (change: Partial<Underlay>, needs = 1500) =>
    of('mtu', judged({ underlay: { ...underlay, ...change }, needs }));

  test('that get lost: what networks make is too large', () => {
    expect(mtu({ full: none, small: all, largest: 1400 })).toEqual([
      'fail mtu: packets of 1500 bytes do not reach 10.0.0.2, those of 1400 do',
    ]);
    expect(mtu({ full: none, small: all, largest: 0 })).toEqual([
      'fail mtu: packets of 1500 bytes do not reach 10.0.0.2, small ones do',
    ]);
  });

  test('that get lost: what networks make fits', () => {
    expect(mtu({ full: none, small: all, largest: 1450 }, 1400)).toEqual([
      'warn mtu: packets of 1500 bytes do not reach 10.0.0.2, those of 1450 do',
    ]);
  });

  test('that somebody on the way refuses, and says what fits', () => {
    expect(mtu({ full: { ...none, mtu: 1420 }, small: all, largest: 1400 })).toEqual([
      'fail mtu: packets of 1500 bytes do not reach 10.0.0.2, those of 1420 do',
    ]);
  });

  test('that cannot be tried', () => {
    expect(mtu({ full: untried })).toEqual(['warn mtu: not tried: ping is not installed']);
    expect(mtu({ full: none, small: none })).toEqual([
      'warn mtu: 10.0.0.2 answers no ping at all, so the size of packets could not be tried',
    ]);
  });
});

describe('VXLAN', () => {
  const vxlan = (change: Partial<Overlay>) => of('vxlan', judged({ overlay: { ...overlay, ...change } }));
  const lost = (heard: boolean | undefined, answered: boolean, heardHere: boolean | undefined) =>
    vxlan({ small: none, other: { value: { heard, answered } }, heardHere });

  test('passes with small packets only', () => {
    expect(vxlan({ full: none })).toEqual([
      'fail vxlan: small packets pass both ways in network app, those of 1450 bytes do not',
    ]);
  });

  test('loses some', () => {
    expect(vxlan({ small: { sent: 3, received: 2 } })).toEqual(['warn vxlan: 1 of 3 packets were lost in network app']);
  });

  test('passes in one direction', () => {
    expect(lost(true, false, false)).toEqual([
      'fail vxlan: what this host sends reaches h2 in network app, what h2 sends does not arrive',
    ]);
    expect(lost(false, false, true)).toEqual([
      'fail vxlan: what h2 sends arrives in network app, what this host sends does not reach it',
    ]);
  });

  test('passes in none', () => {
    expect(lost(false, false, false)).toEqual(['fail vxlan: nothing passes to or from h2 in network app']);
    expect(lost(true, true, true)).toEqual([
      'fail vxlan: h2 reaches this host in network app, but its answers to this host are lost',
    ]);
  });

  test('fails, and the other node cannot be asked which way', () => {
    expect(vxlan({ small: none, other: { notAsked: 'h2 is not connected' } })).toEqual([
      'fail vxlan: nothing comes back from h2 in network app (h2 was not asked which: h2 is not connected)',
    ]);
    expect(lost(undefined, false, undefined)).toEqual(['fail vxlan: nothing passes to or from h2 in network app']);
  });

  test('cannot be tried', () => {
    expect(vxlan({ small: untried })).toEqual(['warn vxlan: not tried: ping is not installed']);
  });
});

test.each([
  ['open', 'pass'],
  // Nobody listens there, and the answer to that came back.
  ['refused', 'pass'],
  ['silent', 'fail'],
  ['unreachable', 'fail'],
] as const)('TCP inside VXLAN that is %s', (tcp, status) => {
  const [finding] = judged({ overlay: { ...overlay, tcp } }).filter(({ check }) => check === 'checksum');
  expect(finding?.status).toBe(status);
});

import { describe, expect, test } from 'vitest';
import { problemsOf } from './testing/models.ts';

/** Switches a, b and c, and two hosts of an overlay, with these links. */
const lab = (...links: string[]) => `name: x
topology:
  nodes:
    a: {kind: switch}
    b: {kind: switch}
    c: {kind: switch}
    h: {kind: host, overlay: blue, uplink: lan}
    i: {kind: host, overlay: blue}
    r: {kind: router}
  overlays: {blue: {vni: 7, prefix: 10.1.0.0/24}}
  links:
    - {endpoints: ["h:wan", "i:wan"], prefix: 10.2.0.0/30}
    - {endpoints: ["h:lan", "c:h"]}
${links.map((ends) => `    - {endpoints: [${ends}]}`).join('\n')}
`;

describe('a loop of bridges', () => {
  const sentence = 'this closes a loop of bridges, in which a broadcast never ends: remove it, or another of them';

  test.each([
    ['between two switches', ['"a:1", "b:1"', '"b:2", "a:2"']],
    ['of three switches', ['"a:1", "b:1"', '"b:2", "c:1"', '"c:2", "a:2"']],
    ['of a switch and itself', ['"a:1", "a:2"']],
  ])('%s is refused at the link that closes it', (_where, links) => {
    const [line, at] = [13 + links.length, 1 + links.length];
    expect(problemsOf(lab(...links))).toEqual([`lab.yaml:${line}: topology.links[${at}]: ${sentence}`]);
  });

  test('by way of an overlay is refused at the host that closes it', () => {
    const text = lab().replace('i: {kind: host,', 'i: {kind: host, uplink: lan,');
    expect(problemsOf(`${text}    - {endpoints: ["i:lan", "c:i"]}\n`)).toEqual([
      `lab.yaml:8: topology.nodes.i.overlay: ${sentence}`,
    ]);
  });

  test('is none where a router or a host stands between', () => {
    expect(problemsOf(lab('"a:1", "b:1"', '"r:1", "a:2"', '"r:2", "b:2"'))).toEqual([]);
    expect(problemsOf(lab('"r:1", "i:1"', '"r:2", "i:2"'))).toEqual([]);
  });
});

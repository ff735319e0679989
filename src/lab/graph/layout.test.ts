import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scenarios } from '../bare/sources.ts';
import { gridTopology } from '../topology/grid.ts';
import type { LabModel } from '../topology/model.ts';
import { modelFrom } from '../topology/testing/models.ts';
import type { Box } from './drawing.ts';
import { graph, pageOf } from './graph.ts';
import { layout } from './layout.ts';
import { sceneOf } from './scene.ts';
import { faults, holds, none } from './testing/faults.ts';

const root = new URL('../../../', import.meta.url).pathname;
const grid = (hosts: number, containers: number) => modelFrom(gridTopology({ hosts, containers }));
const scenario = (name: string) => modelFrom(readFileSync(`${root}lab/${name}.yaml`, 'utf8'));
const names = await scenarios();

/** All that a file can have, crosswise. */
const crosswise = modelFrom(`name: crosswise
topology:
  nodes:
    world: {kind: outside}
    r1: {kind: router}
    r2: {kind: router}
    s1: {kind: switch, prefix: 10.1.0.0/24}
    s2: {kind: switch}
    s3: {kind: switch, prefix: 10.9.0.0/24}
    h1: {kind: host, prefix: 10.2.0.0/24}
    h2: {kind: host}
    h3: {kind: host, prefix: 10.4.0.0/24, attach: p2p}
    a: {kind: linux}
    c1: {kind: container, host: h1}
    c2: {kind: container, host: h1}
    c3: {kind: container, host: h3}
    c4: {kind: container, host: h3}
  links:
    - {endpoints: ["world:eth0", "r1:wan"], prefix: 198.51.100.0/24}
    - {endpoints: ["r1:eth0", "r2:eth0"], prefix: 10.0.0.0/30, tc: {rate: 10mbit}, loss: 5%}
    - {endpoints: ["r2:eth1", "h2:eth1"], prefix: 10.0.0.4/30}
    - endpoints: ["r1:lan", "s1:r1"]
    - endpoints: ["h1:eth0", "s1:h1"]
    - endpoints: ["h2:eth0", "s2:h2"]
    - endpoints: ["s1:up", "s2:down"]
    - endpoints: ["h3:eth0", "s3:h3"]
    - endpoints: ["h1:eth1", "s3:h1"]
    - {endpoints: ["c1:eth1", "c2:eth1"], prefix: 10.5.0.0/30}
    - {endpoints: ["c1:eth2", "c3:eth2"], prefix: 10.6.0.0/30}
    - {endpoints: ["a:eth0", "h3:eth7"], prefix: 10.7.0.0/30}
`);

const models: readonly (readonly [string, LabModel])[] = [
  ...names.map((name) => [name, scenario(name)] as const),
  ...(
    [
      [1, 1],
      [2, 2],
      [3, 6],
      [20, 2],
      [20, 10],
    ] as const
  ).map(([n, m]) => [`${n}x${m}`, grid(n, m)] as const),
  ['crosswise', crosswise],
];

describe.each(models)('%s', (_name, model) => {
  test.each([40, 80, 132, 200])('nothing overlaps in %i columns', (width) => {
    expect(faults(layout(sceneOf(model), width))).toEqual(none);
  });

  test('nothing overlaps on the page of the SVG, nor is outside of it', () => {
    const page = pageOf(model);
    expect(faults(page)).toEqual(none);
    const all: Box = { x: 0, y: 0, width: page.width, height: page.height, kind: 'page' };
    expect(page.texts.filter((text) => !holds(all, text))).toEqual([]);
  });

  test('both ends of every link are named, with their addresses', () => {
    const written = pageOf(model)
      .texts.map(({ text }) => text)
      .join('\n');
    for (const { name, ports, bridge } of model.nodes) {
      expect(written).toContain(name);
      for (const port of ports) expect(written).toContain(port.name);
      for (const { cidr } of [...ports, ...(bridge === undefined ? [] : [bridge])]) {
        expect(written).toContain(cidr ?? '');
      }
    }
  });
});

test.each([...names.map((name) => [name, scenario(name)] as const), ['20x10', grid(20, 10)] as const])(
  'text of %s stays within the terminal',
  (_name, model) => {
    for (const width of [60, 80, 132]) {
      const lines = graph(model, { format: 'text', width, theme: 'auto' }).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  },
);

interface Wild {
  readonly kinds: readonly string[];
  readonly containers: readonly number[];
  readonly links: readonly (readonly [number, number])[];
}

/** Routes are of no interest here, and made for nobody. */
function wild({ kinds, containers, links }: Wild): LabModel {
  const hosts = kinds.flatMap((kind, at) => (kind === 'host' ? [at] : []));
  const inside =
    hosts.length === 0
      ? []
      : containers.map(
          (at, number) => `    c${number}: {kind: container, host: n${hosts[at % hosts.length]}, routes: []}`,
        );
  const outer = kinds.map((kind, at) => {
    const attach = at % 2 === 0 ? 'bridge' : 'p2p';
    return `    n${at}: {kind: ${kind}, routes: []${kind === 'host' ? `, prefix: 10.${at}.0.0/16, attach: ${attach}` : ''}}`;
  });
  const all = [...kinds.map((_, at) => `n${at}`), ...inside.map((_, at) => `c${at}`)];
  const climbed = new Set<number>();
  const plugged = links.flatMap(([a, b], at) => {
    const [from, to] = [a % all.length, b % all.length];
    if (kinds[from] === 'switch' && kinds[to] === 'switch') {
      // Switches form no loop where each has one link at most to those before it.
      const later = Math.max(from, to);
      if (from === to || climbed.has(later)) return [];
      climbed.add(later);
    }
    return [`{endpoints: ["${all[from]}:l${at}a", "${all[to]}:l${at}b"]}`];
  });
  return modelFrom(
    `name: wild\ntopology:\n  nodes:\n${[...outer, ...inside].join('\n')}\n  links: [${plugged.join(', ')}]\n`,
  );
}

/** It computes for seconds, and others compute beside it. */
const wildPatience = 60_000;

test('in whatever is drawn nothing overlaps, and no interface is left out', { timeout: wildPatience }, () => {
  const wilds = fc.record({
    kinds: fc.array(fc.constantFrom('host', 'switch', 'router', 'outside', 'linux'), { minLength: 1, maxLength: 7 }),
    containers: fc.array(fc.nat(20), { maxLength: 9 }),
    links: fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { minLength: 1, maxLength: 12 }),
  });
  void fc.assert(
    fc.property(wilds, fc.integer({ min: 40, max: 200 }), (given, width) => {
      const model = wild(given);
      expect(faults(layout(sceneOf(model), width))).toEqual(none);
      for (const format of ['text', 'svg', 'mermaid', 'dot'] as const) {
        const drawn = graph(model, { format, width, theme: 'auto' });
        const ports = model.nodes.flatMap((node) => node.ports.map(({ name }) => name));
        expect(ports.filter((name) => !drawn.includes(name))).toEqual([]);
      }
    }),
    { numRuns: 200 },
  );
});

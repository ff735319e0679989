import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scenarios } from '../bare/sources.ts';
import { gridTopology } from '../topology/grid.ts';
import type { LabModel } from '../topology/model.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { graph } from './graph.ts';

const root = new URL('../../../', import.meta.url).pathname;
const grid = (hosts: number, containers: number) => modelFrom(gridTopology({ hosts, containers }));
const scenario = (name: string) => modelFrom(readFileSync(`${root}lab/${name}.yaml`, 'utf8'));
const names = await scenarios();

describe('nat', () => {
  const drawn = (format: 'text' | 'mermaid' | 'dot') => graph(scenario('nat'), { format, width: 80, theme: 'auto' });

  test('in the terminal', () => {
    expect(drawn('text')).toMatchInlineSnapshot(`
      "          ┌───────────────────┐
                │      outside      │
                │        eth0       │
                │ 198.51.100.254/24 │
                └─────────┬─────────┘
                          │
                          │ 198.51.100.0/24
                          │
                          │
      ┌───────────────────┴────────────────────┐
      │                  eth0                  │
      │            198.51.100.1/24             │
      │ host                                   │
      │ masquerade on eth0                     │
      │ 8000 → p1:80                           │
      │ 8080 → p2:80                           │
      │ default via 198.51.100.254             │
      │                                        │
      │ ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓ │
      │ ┃ br0 · 192.168.2.1/24               ┃ │
      │ ┃       p1                  p2       ┃ │
      │ ┗━━━━━━━┯━━━━━━━━━━━━━━━━━━━┯━━━━━━━━┛ │
      │         │                   │          │
      │ ┌───────┴────────┐  ┌───────┴────────┐ │
      │ │      eth0      │  │      eth0      │ │
      │ │ 192.168.2.2/24 │  │ 192.168.2.3/24 │ │
      │ │       p1       │  │       p2       │ │
      │ └────────────────┘  └────────────────┘ │
      └────────────────────────────────────────┘
      "
    `);
  });

  test('as Mermaid', () => {
    expect(drawn('mermaid')).toMatchInlineSnapshot(`
      "flowchart TB
        node_outside["outside"]
        subgraph host_host["host"]
          node_host["host<br/>masquerade on eth0<br/>8000 → p1:80<br/>8080 → p2:80<br/>default via 198.51.100.254"]
          node_host_br0[["br0<br/>192.168.2.1/24"]]
          node_host_p1("p1")
          node_host_p2("p2")
        end
        node_host ---|"eth0 198.51.100.1/24<br/>198.51.100.0/24<br/>eth0 198.51.100.254/24"| node_outside
        node_host_br0 ---|"p1<br/>eth0 192.168.2.2/24"| node_host_p1
        node_host_br0 ---|"p2<br/>eth0 192.168.2.3/24"| node_host_p2
      "
    `);
  });

  test('as DOT', () => {
    expect(drawn('dot')).toMatchInlineSnapshot(`
      "graph "nat" {
        node [shape=box];
        node_outside [label="outside", shape=ellipse];
        subgraph "cluster_host_host" {
          label="host";
          node_host [label="host\\nmasquerade on eth0\\n8000 → p1:80\\n8080 → p2:80\\ndefault via 198.51.100.254"];
          node_host_br0 [label="br0\\n192.168.2.1/24", shape=box3d];
          node_host_p1 [label="p1"];
          node_host_p2 [label="p2"];
        }
        node_host -- node_outside [taillabel="eth0\\n198.51.100.1/24", label="198.51.100.0/24", headlabel="eth0\\n198.51.100.254/24"];
        node_host_br0 -- node_host_p1 [taillabel="p1", headlabel="eth0\\n192.168.2.2/24"];
        node_host_br0 -- node_host_p2 [taillabel="p2", headlabel="eth0\\n192.168.2.3/24"];
      }
      "
    `);
  });
});

test('a list has a line for each container', () => {
  expect(graph(grid(1, 5), { format: 'text', width: 80, theme: 'auto' })).toMatchInlineSnapshot(`
    "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
    ┃ internet · switch · 11.0.0.1/8    ┃
    ┃                h0                 ┃
    ┗━━━━━━━━━━━━━━━━┯━━━━━━━━━━━━━━━━━━┛
                     │
    ┌────────────────┴──────────────────┐
    │               eth0                │
    │            11.0.0.2/8             │
    │ h0 · host                         │
    │                                   │
    │ ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓ │
    │ ┃ br0 · 10.0.0.1/24             ┃ │
    │ ┗━┯━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┛ │
    │   ├─ p0 ───[p0  eth0 10.0.0.2/24] │
    │   ├─ p1 ───[p1  eth0 10.0.0.3/24] │
    │   ├─ p2 ───[p2  eth0 10.0.0.4/24] │
    │   ├─ p3 ───[p3  eth0 10.0.0.5/24] │
    │   └─ p4 ───[p4  eth0 10.0.0.6/24] │
    └───────────────────────────────────┘
    "
  `);
});

test('what was done to a cable is drawn', () => {
  const [first, ...others] = scenario('routes').cables;
  if (first === undefined) throw new Error('no cable');
  const cables = [{ ...first, up: false, loss: 5, rate: 10_000_000 }, ...others];
  const text = graph({ ...scenario('routes'), cables }, { format: 'text', width: 80, theme: 'auto' });
  expect(text).toContain('10.0.0.0/30 · cable out · 10 Mbit/s · 5% lost');
});

describe('names that mean something to a format', () => {
  const evil = `<b>&"'#\\;`;
  const model: LabModel = {
    ...{ name: evil, segments: [], networks: [], expectations: [] },
    nodes: ['a', evil].map((name) => ({
      ...{ name, kind: 'linux', namespace: 'x', forwards: false, routes: [], runs: [] },
      ports: [{ name: 'eth0', mtu: 1500, cable: 0 }],
    })),
    cables: [
      {
        ends: [
          { node: 'a', port: 'eth0' },
          { node: evil, port: 'eth0' },
        ],
        loss: 0,
        up: true,
      },
    ],
  };

  test.each([
    ['svg', '&lt;b&gt;&amp;&quot;&apos;#\\;'],
    ['mermaid', "#60;b#62;#38;#34;'#35;\\;"],
    ['dot', `<b>&\\"'#\\\\;`],
  ] as const)('are escaped in %s', (format, escaped) => {
    const text = graph(model, { format, width: 80, theme: 'auto' });
    expect(text).toContain(escaped);
    expect(text.replaceAll(escaped, '')).not.toContain('<b>');
  });
});

test('an SVG is for light and dark, or for one of them', () => {
  const drawn = (theme: 'auto' | 'light' | 'dark') => graph(scenario('bridge'), { format: 'svg', width: 80, theme });
  expect(drawn('auto')).toContain('@media (prefers-color-scheme: dark)');
  for (const theme of ['light', 'dark'] as const) expect(drawn(theme)).not.toContain('prefers-color-scheme');
  expect(drawn('light')).not.toBe(drawn('dark'));
});

/** `npx vitest run -u src/lab/graph` draws them again. */
describe('the picture in the page of', () => {
  test.each([...names.map((name) => [name, scenario(name)] as const), ['hosts', grid(2, 2)] as const])(
    '%s is what is drawn today',
    async (name, model) => {
      const drawn = graph(model, { format: 'svg', width: 80, theme: 'auto' });
      await expect(drawn).toMatchFileSnapshot(`${root}docs/lab/${name}.svg`);
      expect(readFileSync(`${root}docs/lab/${name}.md`, 'utf8')).toContain(`](${name}.svg)`);
    },
  );
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LabReport } from './lab-tools.ts';
import { trama } from './testing/fake-io.ts';

test('up prints the name, and says on stderr what was built', async () => {
  const { code, out, err, io } = await trama('lab up nat.yaml');
  expect({ code, out, err }).toEqual({ code: 0, out: 'nat\n', err: 'lab nat is up: 2 namespaces, 1 link\n' });
  expect(io.started).toEqual(['lab up', 'nat.yaml']);
});

test('a dry run prints commands, and nothing is done', async () => {
  for (const words of ['lab up nat --dry-run', 'lab down --dry-run']) {
    const { out, io } = await trama(words);
    expect(out).toBe('ip netns add trama.nat.p1\nip -n trama.nat.p1 link set dev lo up\n');
    expect(io.started).toEqual([]);
  }
});

test('explain numbers its sentences, with the commands beneath', async () => {
  const { out } = await trama('lab explain nat');
  expect(out).toMatchInlineSnapshot(`
    "1. Create the network namespace trama.nat.p1: the container p1.
         ip netns add trama.nat.p1
    2. Set up the loopback in namespace trama.nat.p1.
         ip -n trama.nat.p1 link set dev lo up
    "
  `);
});

test('ls and inspect show tables', async () => {
  expect((await trama('lab ls')).out).toMatchInlineSnapshot(`
    "NAME  STATUS  NODES  LINKS  UP SINCE  FILE
    nat   up      4      3      5m ago    nat.yaml
    "
  `);
  expect((await trama('lab inspect')).out).toMatchInlineSnapshot(`
    "NODE  KIND       INTERFACE  ADDRESS         MAC                BRIDGE  PEER
    host  host       br0        192.168.2.1/24  02:00:c0:a8:02:01  -       -
    host  host       p1         -               -                  br0     p1:eth0
    p1    container  eth0       192.168.2.2/24  02:00:c0:a8:02:02  -       host:p1

    NODE  ROUTE
    p1    default via 192.168.2.1 dev eth0

    LINK               CABLE  RATE    LOSS
    p1:eth0 - host:p1  up     10mbit  5%
    "
  `);
});

const report: LabReport = {
  lab: 'nat',
  took: 1234,
  pings: [
    { from: 'p1', to: 'p2', answered: true },
    { from: 'p1', to: 'out', answered: false },
    { from: 'p2', to: 'p1', answered: true },
  ],
  verdicts: [
    { expected: 'p1 → p2: reached', ok: true, found: '' },
    { expected: 'p1 → out: reached', ok: false, found: 'no answer: p1 → out' },
  ],
};

test('test shows who reaches whom and what is otherwise than expected, with exit code 1', async () => {
  const { code, out, err } = await trama('lab test', { labReport: report });
  expect(out).toMatchInlineSnapshot(`
    "FROM  p1  p2  out
    p1    ·   ✓   ✗
    p2    ✓   ·   ·

    PASS  p1 → p2: reached
    FAIL  p1 → out: reached
          no answer: p1 → out
    "
  `);
  expect({ code, err }).toEqual({ code: 1, err: '1 as expected, 1 not; 3 pings in 1.2 s\n' });
  const well = { ...report, verdicts: report.verdicts.slice(0, 1) };
  expect(await trama('lab test -o json', { labReport: well })).toMatchObject({
    code: 0,
    out: `${JSON.stringify(well, undefined, 2)}\n`,
  });
});

test('exec ends with the code of its command, whose options are its own', async () => {
  const { code, io } = await trama('lab exec nat/p1 ping -c3 --help');
  expect(code).toBe(3);
  expect(io.started).toEqual(['lab exec', 'nat/p1', ['ping', '-c3', '--help']]);
});

test.each([
  ['rate 10mbit', { rate: '10mbit' }],
  ['rate none', { rate: null }],
  ['loss 5%', { loss: 5 }],
  ['loss 0.5', { loss: 0.5 }],
  ['down', { up: false }],
  ['up', { up: true }],
])('set h1:eth0 %s', async (words, change) => {
  const { code, io } = await trama(`lab set h1:eth0 ${words}`);
  expect(code).toBe(0);
  expect(io.started).toEqual(['lab set', 'h1:eth0', change, false]);
});

test.each(['rate', 'rate fast', 'loss 120', 'loss 0.04', 'loss 99.96', 'loss', 'off', 'down 5'])(
  'set h1:eth0 %s is bad usage',
  async (words) => {
    const { code, err, io } = await trama(`lab set h1:eth0 ${words}`);
    expect(code).toBe(2);
    expect(err).toContain('is no change of a link: write rate 10mbit, rate none, loss 5% or 0.5%, down or up');
    expect(io.started).toEqual([]);
  },
);

test('script names the files that it wrote; capture takes a file', async () => {
  expect((await trama('lab script nat -o /tmp/x')).out).toBe('/tmp/x/network_setup.sh\n/tmp/x/network_delete.sh\n');
  expect((await trama('lab capture h1:eth0 -w h1.pcap')).io.started).toEqual(['lab capture', 'h1:eth0', 'h1.pcap']);
});

test.each([
  ['lab graph', { which: undefined, format: 'text', theme: 'auto' }],
  ['lab graph nat -f svg --theme dark', { which: 'nat', format: 'svg', theme: 'dark' }],
  ['lab graph nat -o dot', { which: 'nat', format: 'dot', theme: 'auto' }],
  ['lab graph nat -f mermaid', { which: 'nat', format: 'mermaid', theme: 'auto' }],
])('%s is drawn on stdout, as wide as the terminal', async (words, { which, ...picture }) => {
  const { code, out, io } = await trama(words, { tty: true, columns: 132 });
  expect({ code, out }).toEqual({ code: 0, out: 'picture\n' });
  expect(io.started).toEqual(['lab graph', which, { ...picture, width: 132 }]);
});

test.each([
  ...[['lab.svg', 'svg'] as const, ['lab.mmd', 'mermaid'] as const, ['lab.gv', 'dot'] as const],
  ['lab', 'text'] as const,
])('a picture in %s is %s', async (file, format) => {
  const directory = await mkdtemp(join(tmpdir(), 'trama-picture-'));
  try {
    const path = join(directory, file);
    const { code, out, io } = await trama(['lab', 'graph', 'nat', '-o', path]);
    expect({ code, out, written: await readFile(path, 'utf8') }).toEqual({ code: 0, out: '', written: 'picture\n' });
    expect(io.started).toMatchObject(['lab graph', 'nat', { format }]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test.each(['lab graph nat -o', 'lab test --junit'])('%s tells of a file that cannot be written', async (words) => {
  const { code, err } = await trama(`${words} /nowhere/at/all.svg`);
  expect({ code, err }).toEqual({
    ...{ code: 1, err: 'trama: /nowhere/at/all.svg cannot be written (ENOENT): name another file\n' },
  });
});

test('a format of pictures that nobody knows is bad usage', async () => {
  const { code, err } = await trama('lab graph nat -f png');
  expect(code).toBe(2);
  expect(err).toContain('png');
});

test('a format of lists is no picture’s, and no file either', async () => {
  const { code, err } = await trama('lab graph nat -o json');
  expect(code).toBe(1);
  expect(err).toBe('trama: a picture is text, svg, mermaid or dot, not json: choose one of these\n');
});

test.each(['lab', 'scenario', 'place'])('names of a %s are completed', async (kind) => {
  const { out } = await trama(`__complete ${kind}`);
  expect(out.split('\n').filter(Boolean)).toEqual(
    { lab: ['nat'], scenario: ['bridge', 'nat'], place: ['host', 'p1'] }[kind],
  );
});

import { expect, test } from 'vitest';
import type { Spawn } from '../../platform/platform.ts';
import type { LabModel } from '../topology/model.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { verify } from './verify.ts';

/** Two containers on a host, of which only c1 is answered: with a page, and at two hops. */
const answersC1: Spawn = async ({ argv }) => {
  const isC1 = argv.includes('--net=/run/netns/trama.x.c1');
  const hops = argv.includes('-t') ? Number(argv[argv.indexOf('-t') + 1]) : 64;
  if (argv.includes('ping')) {
    const reached = isC1 && hops >= 2;
    return { code: reached ? 0 : 1, stdout: isC1 ? 'Time to live exceeded' : '', stderr: '' };
  }
  // At port 81 there is a server, and no page.
  if (isC1 && argv.at(-1)?.endsWith(':81/')) return { code: 2, stdout: '404 Not Found', stderr: '' };
  return { code: isC1 ? 0 : 1, stdout: isC1 ? 'hello' : 'ECONNREFUSED', stderr: '' };
};

/** Every ping is answered. */
const answersPings: Spawn = async ({ argv }) => {
  const stdout = argv.filter((word) => /^10\./.test(word)).join('\n');
  return { code: 0, stdout, stderr: '' };
};

async function verdictOf(expectation: string) {
  const model = modelFrom(`name: x
topology:
  nodes:
    h: {kind: host, prefix: 10.0.0.0/24}
    c1: {kind: container, host: h}
    c2: {kind: container, host: h}
validate: [${expectation}]
`);
  const { verdicts } = await verify(model, answersC1, () => 0);
  return verdicts[0];
}

test.each([
  ['http: {from: containers, to: h}', 'c2 → h: ECONNREFUSED'],
  ['http: {from: containers, to: h, expect: fail}', 'c1 → h: it answered "hello"'],
  ['http: {from: containers, to: all}', 'c2 → h: ECONNREFUSED; c2 → c1: ECONNREFUSED'],
  ['http: {from: c2, to: h}', 'ECONNREFUSED'],
  ['http: {from: c1, to: h, port: 81}', 'it answered 404 Not Found'],
  ['http: {from: c1, to: h, port: 81, expect: fail}', 'it answered 404 Not Found'],
  ['http: {from: c2, to: c2}', 'ECONNREFUSED'],
  ['hops: {from: containers, to: h, expect: 2}', 'c2 → h: no hops'],
  ['hops: {from: c1, to: containers, expect: 1}', '2 hops'],
  ['http: {from: routers, to: h}', 'nobody has an address, nobody was asked'],
])('{%s} fails, and tells for whom', async (expectation, found) => {
  expect(await verdictOf(expectation)).toMatchObject({ ok: false, found });
});

test.each([
  ['ping: {from: routers, to: c1}', 'nobody has an address, nobody was asked'],
  ['ping: {from: c1, to: routers, expect: fail}', 'nobody has an address, nobody was asked'],
  ['mac-seen: {at: h, not: routers}', 'there is nobody of whom it says so'],
])('{%s} fails, since nobody is asked', async (expectation, found) => {
  expect(await verdictOf(expectation)).toMatchObject({ ok: false, found });
});

test('a lab in which nobody has an address is as expected; who is alone pings itself', async () => {
  const verdicts = async (nodes: string, validate: string) =>
    (await verify(modelFrom(`name: x\ntopology: {nodes: ${nodes}}\nvalidate: ${validate}`), answersPings, () => 0))
      .verdicts;
  expect(await verdicts('{sw: {kind: switch}}', '[]')).toMatchObject([{ ok: true }]);
  const host = '{h: {kind: host, prefix: 10.0.0.0/24}}';
  expect(await verdicts(host, '[ping: {from: hosts, to: hosts}]')).toMatchObject([{ ok: true }]);
});

/** Containers of an engine, of which some do not run, and others were taken out of their network. */
function engineModel(expectation: string): LabModel {
  const { nodes, ...model } = modelFrom(`name: x
topology:
  nodes:
    h: {kind: host, prefix: 10.0.0.0/24}
    web: {kind: container, host: h, image: i, network: net, address: 10.1.0.2}
    dead: {kind: container, host: h, image: i, network: net, address: 10.1.0.3}
    wired: {kind: container, host: h, image: i}
    lost: {kind: container, host: h, image: i, network: bridge}
    beside: {kind: container, host: h, image: i, network: "container:lost"}
    alone: {kind: container, host: h, image: i, network: none}
  networks:
    net: {prefix: 10.1.0.0/24}
validate: [${expectation}]
`);
  const stopped = (name: string) => (['dead', 'wired'].includes(name) ? { stopped: true as const } : {});
  return {
    ...model,
    nodes: nodes.map((node) => (node.real ? { ...node, real: { ...node.real, ...stopped(node.name) } } : node)),
  };
}

test.each([
  ['ping: {from: web, to: dead, expect: fail}', 'dead does not run'],
  ['ping: {from: [dead, web], to: h}', 'dead does not run'],
  ['ping: {from: web, to: wired}', 'wired does not run'],
  ['ping: {from: web, to: lost, expect: fail}', 'lost has no address'],
  ['ping: {from: beside, to: web, expect: fail}', 'beside has no address'],
  ['ping: all', 'dead does not run, wired does not run, lost has no address, beside has no address'],
  ['http: {from: web, to: dead, expect: fail}', 'dead does not run'],
  ['hops: {from: containers, to: web, expect: 1}', /^dead does not run, /],
  ['resolves: {from: dead, name: web, expect: fail}', 'dead does not run'],
])('{%s} fails, whatever is answered: who is named is not there', async (expectation, found) => {
  const { verdicts } = await verify(engineModel(expectation), answersPings, () => 0);
  expect(verdicts).toEqual([
    {
      ok: false,
      expected: expect.any(String),
      found: typeof found === 'string' ? found : expect.stringMatching(found),
    },
  ]);
});

test.each(['ping: {from: web, to: h}', 'ping: {from: [web, alone], to: h}'])(
  '{%s} is asked beside them',
  async (expectation) => {
    const { verdicts } = await verify(engineModel(expectation), answersPings, () => 0);
    expect(verdicts).toMatchObject([{ ok: true }]);
  },
);

test.each([
  'http: {from: c1, to: all, body: hello}',
  'http: {from: c1, to: c1}',
  'http: {from: c1, to: h, body: bye, expect: fail}',
  'http: {from: c1, to: h, port: 81, body: hello, expect: fail}',
  'http: {from: c2, to: h, expect: fail}',
  'hops: {from: c1, to: all, expect: 2}',
])('{%s} is as expected', async (expectation) => {
  expect(await verdictOf(expectation)).toMatchObject({ ok: true, found: '' });
});

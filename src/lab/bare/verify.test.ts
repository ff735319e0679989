import { expect, test } from 'vitest';
import type { Spawn } from '../../platform/platform.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { verify } from './verify.ts';

/** Two containers on a host, of which only c1 is answered: with a page, and at two hops. */
const answersC1: Spawn = async ({ argv }) => {
  const isC1 = argv.includes('--net=/run/netns/trama.x.c1');
  const hops = Number(argv[argv.indexOf('-t') + 1]);
  if (argv.includes('ping')) {
    const reached = isC1 && hops >= 2;
    return { code: reached ? 0 : 1, stdout: isC1 ? 'Time to live exceeded' : '', stderr: '' };
  }
  return { code: isC1 ? 0 : 1, stdout: isC1 ? 'hello' : 'ECONNREFUSED', stderr: '' };
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
  ['http: {from: c2, to: c2}', 'ECONNREFUSED'],
  ['hops: {from: containers, to: h, expect: 2}', 'c2 → h: no hops'],
  ['hops: {from: c1, to: containers, expect: 1}', '2 hops'],
  ['http: {from: routers, to: h}', 'nobody has an address, nobody was asked'],
])('{%s} fails, and tells for whom', async (expectation, found) => {
  expect(await verdictOf(expectation)).toMatchObject({ ok: false, found });
});

test.each([
  'http: {from: c1, to: all, body: hello}',
  'http: {from: c1, to: c1}',
  'hops: {from: c1, to: all, expect: 2}',
])('{%s} is as expected', async (expectation) => {
  expect(await verdictOf(expectation)).toMatchObject({ ok: true, found: '' });
});

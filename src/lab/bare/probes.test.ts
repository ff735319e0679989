import { expect, test } from 'vitest';
import type { Spawn } from '../../platform/platform.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { hopsTo } from './probes.ts';

/** What becomes of a ping. */
type Fate = 'answered' | 'exceeded' | 'silence';

/** @param far the distance; undefined: nobody is there. @param fate instead of the usual, by the time to live and how often that was asked before */
function network(far: number | undefined, fate: (hops: number | undefined, before: number) => Fate | undefined) {
  const asked: (number | undefined)[] = [];
  const spawn: Spawn = async ({ argv }) => {
    const hops = argv.includes('-t') ? Number(argv[argv.indexOf('-t') + 1]) : undefined;
    const reaches = far !== undefined && (hops === undefined || hops >= far);
    const usual = reaches ? 'answered' : far === undefined ? 'silence' : 'exceeded';
    const became = fate(hops, asked.filter((one) => one === hops).length) ?? usual;
    asked.push(hops);
    return {
      code: became === 'answered' ? 0 : 1,
      stdout: became === 'exceeded' ? 'From 10.0.0.1 icmp_seq=1 Time to live exceeded' : '',
      stderr: '',
    };
  };
  return { asked, spawn };
}

const [node] = modelFrom('name: x\ntopology: {nodes: {a: {kind: router}}}').nodes;
const from = node ?? expect.fail('there is no node');

const hops = (spawn: Spawn) => hopsTo(from, '10.0.0.9', spawn);

test('routers on the way are asked once where they say that a time to live was exceeded', async () => {
  const { spawn, asked } = network(3, () => undefined);
  expect(await hops(spawn)).toBe(3);
  expect(asked).toEqual([undefined, 1, 2, 3]);
});

test('a router that says nothing is one all the same', async () => {
  const { spawn } = network(3, (hops) => (hops === 1 || hops === 2 ? 'silence' : undefined));
  expect(await hops(spawn)).toBe(3);
});

test('an answer that was lost once makes it no farther', async () => {
  const { spawn } = network(2, (_, before) => (before === 0 ? 'silence' : undefined));
  expect(await hops(spawn)).toBe(2);
});

test('nobody is at no distance, and that is soon found', async () => {
  const { spawn, asked } = network(undefined, () => undefined);
  expect(await hops(spawn)).toBe(undefined);
  expect(asked).toEqual([undefined, undefined]);
});

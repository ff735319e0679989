/** Paths that are broken in one direction are told apart from a host that is off. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createLab, eventually, type Lab, type LabCluster, startCluster } from '../../src/lab/lab.ts';
import type { NodeShown } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;

beforeAll(async () => {
  lab = await createLab();
  // The server is on h1. Nobody is evicted meanwhile.
  const serverArguments = ['--evict-after', '10m'];
  cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'], hostOptions: { docker: false }, serverArguments });
});

afterAll(() => lab?.[Symbol.asyncDispose]());

afterEach(async () => {
  await cluster.host('h2').healPaths();
  await cluster.host('h2').healLink();
  await becomes('ready');
});

type Node = NodeShown & { readonly reason: string };
const h2 = () => cluster.json<Node>('node', 'inspect', 'h2');
const becomes = (status: string) => eventually(`h2 is ${status}`, async () => (await h2()).status === status);
const isTold = (why: RegExp) => eventually(`h2 is down: ${why}`, async () => why.test((await h2()).reason));
const othersAreReady = async () => {
  const nodes = await cluster.json<{ name: string; status: string }[]>('node', 'ls');
  expect(nodes.filter(({ name }) => name !== 'h2').map(({ status }) => status)).toEqual(['ready', 'ready']);
};

test('what the server sends to a host is lost on its way', async () => {
  await cluster.host('h2').cutPath('in', cluster.host('h1'));
  await becomes('down');
  await isTold(
    /^its host \S+ is heard here and does not hear this server: the path from this server to it is broken; h3/,
  );
  await othersAreReady();
});

test('what a host sends to the server is lost on its way', async () => {
  await cluster.host('h2').cutPath('out', cluster.host('h1'));
  await becomes('down');
  await isTold(/^its host \S+ is not heard here, though h3 can reach it: the path from it to this server is broken/);
  await othersAreReady();
});

test('a host hears nobody, and is heard', async () => {
  await cluster.host('h2').cutPath('in');
  await becomes('down');
  await isTold(/^its host \S+ is heard here and does not hear this server: the path from this server to it is broken$/);
});

test('a host that is off is reached by nobody', async () => {
  await cluster.host('h2').cutLink();
  await becomes('down');
  await isTold(/^its host \S+ answers neither this server nor h1 and h3: it is off, or its link is cut$/);
  await othersAreReady();
});

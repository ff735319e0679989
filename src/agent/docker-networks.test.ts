import { expect, test } from 'vitest';
import type { NetworkRecord } from '../domain/domain.ts';
import type { RuntimeNetwork } from '../runtimes/runtimes.ts';
import { networkLabel, planDockerNetworks } from './docker-networks.ts';

const network = (id: string, name: string) => ({ id, name, subnet: '10.42.0.0/16', internal: false }) as NetworkRecord;
const docker = (id: string, name: string, label?: string): RuntimeNetwork => ({
  id,
  name,
  driver: 'x',
  options: {},
  labels: label === undefined ? {} : { [networkLabel]: label },
  containers: 0,
});

const shown = (...args: Parameters<typeof planDockerNetworks>) =>
  planDockerNetworks(...args).map((step) => `${step.type} ${step.type === 'remove' ? step.name : step.network.name}`);

test('missing ones are created, present ones left', () => {
  expect(
    shown([network('1', 'app'), network('2', 'db')], [docker('d1', 'app', '1'), docker('d0', 'bridge')], true),
  ).toEqual(['create db']);
});

test('ours that the cluster no longer has are removed, others never', () => {
  expect(shown([], [docker('d1', 'app', '1'), docker('d2', 'other')], true)).toEqual(['remove app']);
});

test('nothing is removed while the cluster is known from memory only', () => {
  expect(shown([], [docker('d1', 'app', '1')], false)).toEqual([]);
});

test('a network made anew under its old name replaces the old one', () => {
  expect(shown([network('2', 'app')], [docker('d1', 'app', '1')], true)).toEqual(['remove app', 'create app']);
});

test("somebody else's network of the name is a clash", () => {
  expect(shown([network('1', 'app')], [docker('d1', 'app')], true)).toEqual(['clash app']);
});

import { expect, test } from 'vitest';
import type { Bus, BusClient } from '../bus/bus.ts';
import { Failure, formatToken, type JoinTarget, parseToken } from '../domain/domain.ts';
import type { Log } from '../platform/platform.ts';
import { joinCluster } from './joining.ts';

const keys = { publicKey: 'p'.repeat(40), secretKey: 's'.repeat(40) };
const token = parseToken(formatToken({ serverKey: 'k'.repeat(40), secret: new Uint8Array(32) }));
const registration = {
  name: 'h1',
  address: '10.0.0.1',
  interface: 'eth0',
  underlayMtu: 1500,
  routes: [],
  engine: '',
  version: '',
};

/** Servers of which none answers, and what is told meanwhile. */
function silence() {
  const told: string[] = [];
  const log: Log = {
    debug: () => {},
    info: (message) => void told.push(message),
    warn: (message) => void told.push(message),
    error: (message) => void told.push(message),
    with: () => log,
  };
  const connect = async ({ server }: { server: { host: string } }) =>
    ({
      call: async () => {
        told.push(`asked ${server.host}`);
        throw new Failure('unavailable', `${server.host} cannot be reached.`);
      },
      [Symbol.asyncDispose]: async () => {},
    }) as unknown as BusClient;
  const bus = { connect, keysFromSecret: () => keys } as unknown as Bus;
  const join = (...hosts: string[]) => {
    const target: JoinTarget = { token, servers: hosts.map((host) => ({ host, port: 4701 })) };
    return joinCluster(bus, keys, target, registration, { log, now: 0 });
  };
  return { told, join };
}

test('what is tried is told before it is, and a failure once', async () => {
  const { told, join } = silence();
  await expect(join('10.0.0.1')).rejects.toThrow('10.0.0.1 cannot be reached.');
  expect(told).toEqual(['asking the server at 10.0.0.1:4701 to let this host join', 'asked 10.0.0.1']);
});

test("of several servers each is tried, and the last failure is the caller's", async () => {
  const { told, join } = silence();
  await expect(join('10.0.0.1', '10.0.0.2')).rejects.toThrow('10.0.0.2 cannot be reached.');
  expect(told).toEqual([
    'asking the server at 10.0.0.1:4701 to let this host join',
    'asked 10.0.0.1',
    '10.0.0.1 cannot be reached. The next one is asked.',
    'asking the server at 10.0.0.2:4701 to let this host join',
    'asked 10.0.0.2',
  ]);
});

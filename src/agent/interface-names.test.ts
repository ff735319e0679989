import { expect, test } from 'vitest';
import { heldClock } from '../../test/conformance/held-clock.ts';
import type { EndpointRecord } from '../domain/domain.ts';
import { type Spawn, silentLog } from '../platform/platform.ts';
import { companions, learnInterfaceNames, placeAgain, renamedTo } from './interface-names.ts';
import type { LocalEndpoint } from './local-state.ts';

const path = '/run/netns/c1';
const mac = (id: string) => `02:00:00:00:00:0${id}`;
const endpoint = (id: string, name: string, where = path): LocalEndpoint => ({
  record: { id, mac: mac(id) } as EndpointRecord,
  createdAt: 0,
  sandbox: { path: where, interface: name, gateway: '10.42.0.2' },
});

/** A container with these interfaces. */
function container(links: Record<string, string>, routes: readonly unknown[] = []) {
  const asked: string[] = [];
  const listing = () => Object.entries(links).map(([ifname, address]) => ({ ifname, address }));
  const spawn: Spawn = async ({ argv }) => {
    asked.push(argv.join(' '));
    return { code: 0, stdout: JSON.stringify(argv.includes('route') ? routes : listing()), stderr: '' };
  };
  return { spawn, asked, links };
}

/** Where endpoint 1 stands again. */
async function again({ spawn }: { spawn: Spawn }, recorded: string, ...others: LocalEndpoint[]) {
  const { sandbox } = endpoint('1', recorded);
  if (sandbox === undefined) throw new Error('stands nowhere');
  return await placeAgain(spawn, sandbox, mac('1'), companions([endpoint('1', recorded), ...others], path, '1'));
}

test('an interface comes back under its name, with the way out that went with it', async () => {
  expect(await again(container({ lo: '' }), 'eth1')).toEqual({ path, interface: 'eth1', gateway: '10.42.0.2' });
});

test('not under a name that somebody has there: then under the lowest that is free', async () => {
  const docker = container({ lo: '', eth0: '02:42:ac:11:00:02', eth2: '02:42:ac:12:00:02' });
  expect((await again(docker, 'eth0')).interface).toBe('eth1');
});

test('nor under that of another that was lost with it; one that is there has the name that it is seen to have', async () => {
  expect((await again(container({}), 'eth0', endpoint('2', 'eth0'))).interface).toBe('eth1');
  expect((await again(container({}), 'eth0', endpoint('2', 'eth0', '/elsewhere'))).interface).toBe('eth0');
  expect((await again(container({ eth1: mac('2') }), 'eth0', endpoint('2', 'eth0'))).interface).toBe('eth0');
});

test('where another network is the way out, no other is made', async () => {
  const docker = container({ eth0: '02:42:ac:11:00:02' }, [{ dst: 'default', gateway: '172.17.0.1', dev: 'eth0' }]);
  expect(await again(docker, 'eth1')).toEqual({ path, interface: 'eth1' });
});

test('what the kernel is still taking away is neither in its place nor a way out', async () => {
  const out = [{ dst: 'default', gateway: '10.42.0.2', dev: 'eth0' }];
  const whole = { path, interface: 'eth0', gateway: '10.42.0.2' };
  expect(await again(container({ lo: '', eth0: mac('1') }, out), 'eth0')).toEqual(whole);
  expect(await again(container({ lo: '' }, out), 'eth0')).toEqual(whole);
  // Between the two looks.
  const { spawn, asked, links } = container({ lo: '', eth0: mac('1') }, out);
  const leaving: Spawn = async (command) => {
    const said = await spawn(command);
    delete links.eth0;
    return said;
  };
  expect(await again({ spawn: leaving }, 'eth0')).toEqual(whole);
  expect(asked.map((each) => each.includes('route'))).toEqual([true, false]);
});

test('names are learned once the interfaces are there, each once; who never comes is not waited for without end', async () => {
  const { spawn, asked, links } = container({ lo: '', eth0: '02:42:ac:11:00:02' });
  const endpoints = new Map(['1', '2'].map((id) => [id, endpoint(id, 'eth0')]));
  const clock = heldClock();
  const stop = new AbortController();
  const renamed = async (id: string, place: NonNullable<LocalEndpoint['sandbox']>) => {
    const before = endpoints.get(id);
    if (before !== undefined) endpoints.set(id, renamedTo(place)(before));
  };
  const options = { endpoints: () => endpoints.values(), renamed, spawn, clock, log: silentLog };
  const learning = learnInterfaceNames(options, stop.signal).catch(() => {});
  await clock.advance(5000);
  links.eth1 = mac('1');
  await clock.advance(5000);
  expect(endpoints.get('1')?.sandbox?.interface).toBe('eth1');
  expect(endpoints.get('2')?.sandbox?.interface).toBe('eth0');
  for (let look = 0; look < 10; look += 1) await clock.advance(5000);
  expect(asked).toHaveLength(6);
  // It was stopped and started: another sandbox.
  endpoints.set('1', endpoint('1', 'eth0', '/run/netns/c2'));
  await clock.advance(5000);
  await clock.advance(5000);
  expect(asked).toHaveLength(7);
  expect(asked.at(-1)).toContain('--net=/run/netns/c2');
  expect(endpoints.get('1')?.sandbox).toMatchObject({ path: '/run/netns/c2', interface: 'eth1' });
  stop.abort();
  await learning;
});

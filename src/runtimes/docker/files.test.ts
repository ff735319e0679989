import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createEngine } from './engine.ts';
import { createFakeEngine } from './fake-engine.ts';
import { createFiles } from './files.ts';

let home: string;
let engine: ReturnType<typeof createEngine>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'trama-home-'));
  engine = createEngine(join(home, 'docker.sock'));
});

afterEach(async () => {
  engine[Symbol.dispose]();
  await rm(home, { recursive: true, force: true });
});

async function container(ID: string, config: object, RestartPolicy: object | undefined): Promise<void> {
  const directory = join(home, 'containers', ID);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'config.v2.json'), JSON.stringify({ ID, ...config }));
  if (RestartPolicy !== undefined)
    await writeFile(join(directory, 'hostconfig.json'), JSON.stringify({ RestartPolicy }));
}

const inApp = { NetworkID: 'n1', EndpointID: 'e', IPAMConfig: null };
const app = {
  Config: { Labels: null },
  State: { Running: true, ExitCode: 0 },
  NetworkSettings: { Networks: { app: inApp } },
};
const started = () => createFiles(engine).startedByItself(home);

test('the engine says where its files are', async () => {
  await using fake = await createFakeEngine();
  await fake.listen();
  fake.answer = (_, response) => void response.end('{"DockerRootDir":"/data/docker"}');
  using answering = createEngine(fake.socketPath);
  expect(await createFiles(answering).home()).toBe('/data/docker');
});

test('of its containers the files tell which it may start by itself, and in which networks', async () => {
  await container('always', { ...app, HasBeenManuallyStopped: true }, { Name: 'always', MaximumRetryCount: 0 });
  await container('failing', { ...app, Config: { Labels: { a: 'b' } } }, { Name: 'on-failure', MaximumRetryCount: 3 });
  await container('failed', { ...app, State: { Running: false, ExitCode: 1 } }, { Name: 'on-failure' });
  await container('done', { ...app, State: { Running: false, ExitCode: 0 } }, { Name: 'on-failure' });
  const fixed = { ...inApp, IPAMConfig: { IPv4Address: '10.42.0.10' } };
  await container('fixed', { ...app, NetworkSettings: { Networks: { app: fixed, db: inApp } } }, { Name: 'always' });
  await container('stopped', { ...app, HasBeenManuallyStopped: true }, { Name: 'unless-stopped' });
  await container('going', { ...app, HasBeenManuallyStopped: false }, { Name: 'unless-stopped' });
  await container('never', { ...app, HasBeenStartedBefore: false }, { Name: 'always' });
  await container('no', app, { Name: 'no' });
  await container('nothing', app, { Name: '' });
  await container('new', { ...app, NetworkSettings: { Networks: { app: null } } }, { Name: 'always' });
  await container('removed', app, undefined);
  const networks = [{ name: 'app', id: 'n1' }];
  const found = (await started()).sort((a, b) => a.id.localeCompare(b.id));
  expect(found).toEqual([
    { id: 'always', labels: {}, networks },
    { id: 'failed', labels: {}, networks },
    { id: 'failing', labels: { a: 'b' }, networks },
    { id: 'fixed', labels: {}, networks: [{ name: 'db', id: 'n1' }] },
    { id: 'going', labels: {}, networks },
    { id: 'new', labels: {}, networks: [{ name: 'app', id: '' }] },
  ]);
});

test('what is not as expected is an error', async () => {
  await expect(started()).rejects.toThrow('ENOENT');
  await container('web', { ...app, NetworkSettings: undefined }, { Name: 'always' });
  await expect(started()).rejects.toThrow('NetworkSettings');
});

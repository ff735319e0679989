/** The console in a real terminal: every choice of the source's menu, in both languages, small and large. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  labImage,
  startCluster,
  untilThere,
} from '../../src/lab/lab.ts';
import { HostTerminal, type TerminalOptions } from '../terminal.ts';
import { containers, type NodeShown, run } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let terminal: HostTerminal;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['h1', 'h2', 'h3'] });
});
afterAll(() => lab?.[Symbol.asyncDispose]());
afterEach(() => terminal?.[Symbol.asyncDispose]());

const program = `${process.cwd()}/bin/trama`;
const small = { columns: 80, rows: 24 } as const;
const large = { columns: 200, rows: 50 } as const;
let terminals = 0;

async function open(options: TerminalOptions, ...flags: string[]): Promise<HostTerminal> {
  terminals += 1;
  terminal = await HostTerminal.open(cluster.host('h1'), `${terminals}`, options);
  await terminal.line(['clear;', program, 'console', ...flags].join(' '));
  return terminal;
}

const spanish = { env: { LANG: 'es_ES.UTF-8' } };
const nodes = () => cluster.json<NodeShown[]>('node', 'ls');

/** The shell's own again: its screen, its echo, its lines. */
async function isAsBefore(): Promise<void> {
  await terminal.until(/ready\$ *$/m);
  expect(await terminal.isAlternate()).toBe(false);
  await terminal.line(
    "clear; stty -a | tr ' ' '\\n' | grep -qx -e -icanon -e -echo -e -isig && echo chan''ged || echo as-be''fore",
  );
  await terminal.until(/^as-before$/m);
}

test('the first time its segment is asked for, and a free one offered', async () => {
  await open(small);
  const screen = await terminal.until(/Segment +\d+\.\d+\.\d+\.\d+\/\d+/);
  expect(screen).toContain('There is no network yet');
  const [, offered] = /Segment +(\S+)/.exec(screen) ?? [];
  await terminal.press('Tab', 'C-u');
  await terminal.type('10.42.0.0/16');
  await terminal.press('Enter');
  await terminal.until(/Network app was created with 10\.42\.0\.0\/16/);
  expect(await cluster.json('network', 'ls')).toMatchObject([{ name: 'app', subnet: '10.42.0.0/16' }]);
  expect(offered).toMatch(/^(10|172|192)\./);
  await terminal.press('5');
  await isAsBefore();
});

const words = {
  en: {
    ...{ info: 'System information', nodes: 'Nodes', networks: 'Networks', containers: 'Containers', yes: 'y' },
    ...{ launch: /1 Launch/, running: 'running', ready: 'ready', destroy: 'Destroy the container', pick: 'choose it' },
    removed: 'is being removed',
  },
  es: {
    ...{ info: 'Información del sistema', nodes: 'Nodos', networks: 'Redes', containers: 'Contenedores', yes: 's' },
    ...{
      launch: /1 Levantar/,
      running: 'en marcha',
      ready: 'listo',
      destroy: 'Destruir el contenedor',
      pick: 'elíjalo',
    },
    removed: 'se está destruyendo',
  },
} as const;

describe.each([
  ['en', small],
  ['en', large],
  ['es', small],
  ['es', large],
] as const)('in %s at %o', (language, size) => {
  const say = words[language];
  const name = `web-${language}-${size.columns}`;

  test('a container is launched, seen and destroyed; closing has no effect', async () => {
    await open({ ...size, ...(language === 'es' ? spanish : {}) });
    await terminal.until(say.launch);
    await terminal.until(/h3 +\S+ +10\.99/);
    // 1: the node with its load before one's eyes, image, network, ports, name.
    await terminal.press('1');
    await terminal.press('Down', 'Down');
    await terminal.until(/▸ h2 +.*CPU .*RAM/);
    await terminal.press('Enter');
    await terminal.type(labImage);
    await terminal.press('Enter', 'Enter', 'Enter');
    await terminal.type(name);
    await terminal.press('Enter');
    await terminal.type('sleep 100000');
    await terminal.press('Enter');
    await terminal.until(new RegExp(`${name} +${say.running} +h2 +10\\.42\\.`));
    expect(await cluster.host('h2').docker('ps', '--format', '{{.Names}}')).toContain(name);
    // 3, and a resize in the middle.
    await terminal.press('3');
    const other = size === small ? { columns: 120, rows: 40 } : { columns: 90, rows: 30 };
    await terminal.resize(other.columns, other.rows);
    // The keys are in the last row.
    await eventually(`it fills ${other.rows} rows`, async () => {
      const lines = (await terminal.screen()).trimEnd().split('\n');
      return lines.length === other.rows && (lines[3]?.length ?? 0) === other.columns;
    });
    const info = await terminal.until(new RegExp(`─${say.containers} 1/1`));
    expect(info).toContain(say.info);
    expect(info).toMatch(new RegExp(`h1 +${say.ready} +10\\.99\\.0\\.11 +\\S+ +\\d+% +\\S+ +\\d+%`));
    expect(info).toMatch(/app +overlay +10\.42\.0\.0\/16 +\d+ +65\d\d\d/);
    await terminal.resize(size.columns, size.rows);
    // 2
    await terminal.press('2');
    await terminal.until(new RegExp(say.pick));
    await terminal.press('Enter');
    await terminal.until(new RegExp(`${say.destroy} ${name}`));
    await terminal.press(say.yes);
    await terminal.until(new RegExp(`${name} ${say.removed}`));
    await eventually(`${name} is gone`, async () => !(await cluster.host('h2').docker('ps', '-a')).includes(name));
    // 5
    const before = await nodes();
    await terminal.press('5');
    await isAsBefore();
    expect((await nodes()).map((node) => node.status)).toEqual(before.map((node) => node.status));
  });
});

test('in Spanish: an image is chosen from those there are, what a container uses is seen, and a refusal says why', async () => {
  await open({ ...small, ...spanish });
  await terminal.until(/h3 +listo/);
  const launch = async () => {
    await terminal.press('1');
    await terminal.until(/▸ Nodo/);
    await terminal.press('Enter');
    await terminal.until(new RegExp(`${labImage} +h1 h2 h3`));
    await terminal.type(labImage.slice(0, -1));
    await terminal.press('Down', 'Enter');
    await terminal.until(new RegExp(`Imagen +${labImage}$`, 'm'));
    await terminal.press('Enter', 'Enter');
    await terminal.type('busy');
    await terminal.press('Enter');
    await terminal.type("sh -c 'while true; do :; done'");
    await terminal.press('Enter');
  };
  await launch();
  await terminal.until(/busy +en marcha/);
  await terminal.press('i');
  await terminal.until(/CPU +▁* *[▁-█]+ +\d+\.\d%/);
  await terminal.until(/TRÁFICO +\S+ +↓ \d/);
  await terminal.press('Escape');
  await launch();
  await terminal.until(/No se ha hecho: ya hay un contenedor "busy", en el nodo h\d: destr/);
  await terminal.press('q');
  await isAsBefore();
  await cluster.trama('rm', '-f', 'busy');
});

test('a log is followed and searched; a shell on another node comes and goes', async () => {
  await run(
    cluster,
    'talks',
    'h2',
    'app',
    'sh',
    '-c',
    'i=0; while true; do i=$((i+1)); echo "say $i"; sleep 0.2; done',
  );
  await open(small);
  await terminal.until(/talks +running/);
  await terminal.press('l');
  await terminal.until(/following/);
  await terminal.until(/^say 1\d$/m);
  await terminal.press('/');
  await terminal.type('say 7');
  await terminal.press('Enter');
  await terminal.until(/1 with say 7|\d+ with say 7/);
  await terminal.press('r');
  await terminal.type('1h..30m');
  await terminal.press('Enter');
  await terminal.until(/range 1h\.\.30m/);
  await terminal.until(/It has printed nothing/);
  await terminal.press('r', 'C-u', 'Enter');
  await terminal.until(/^say \d+$/m);
  await terminal.press('S', 'C-u');
  await terminal.type('/tmp/console-talks.log');
  await terminal.press('Enter');
  await terminal.until(/\d+ lines saved to/);
  expect(await cluster.host('h1').run(['rm', '/tmp/console-talks.log'])).toMatchObject({ code: 0 });
  await terminal.press('Escape');
  await terminal.until(/talks +running/);
  await terminal.press('s');
  await terminal.until(/A shell in talks on h2/);
  await terminal.until(/\/www #/);
  await terminal.resize(100, 30);
  // The terminal's change of size and what is typed go separate ways to the console.
  await terminal.line(
    'until [ "$(stty size)" = "30 100" ]; do sleep 0.1; done; echo from-$(hostname)-$(stty size | tr " " x)',
  );
  await terminal.until(/from-[0-9a-f]{12}-30x100/);
  expect(await terminal.isAlternate()).toBe(false);
  await terminal.line('exit');
  await terminal.until(/Containers 1\/1/);
  expect(await terminal.isAlternate()).toBe(true);
  await terminal.press('q');
  await isAsBefore();
  await cluster.trama('rm', '-f', 'talks');
});

test('read-only shows, and changes nothing', async () => {
  await open(small, '--read-only', '--lang', 'es');
  await terminal.until(/SOLO LECTURA/);
  await terminal.until(/h3 +listo/);
  await terminal.press('4');
  await terminal.until(/de solo lectura/);
  await terminal.press('q');
  await isAsBefore();
});

test('a server that dies is told of; when it is back the console goes on', async () => {
  await open(small);
  await terminal.until(/h3 +ready/);
  cluster.server.kill('SIGKILL');
  await terminal.until(/NOT CONNECTED/);
  expect(await terminal.screen()).toMatch(/h2 +\S+ +10\.99/);
  const host = cluster.host('h1');
  cluster.server = await host.startServer();
  await untilThere(host, '/run/trama/server.sock', cluster.server);
  await terminal.until(/3 nodes · 0 containers/);
  await cluster.trama('network', 'create', 'again', '--subnet', '10.77.0.0/16');
  await terminal.until(/again +overlay +10\.77/);
  await cluster.trama('network', 'rm', 'again');
  await terminal.press('q');
  await isAsBefore();
});

describe('the terminal is as it was', () => {
  /** The processes of the console: the launcher, and what it has started. */
  const processes = async () => {
    const shell = await terminal.shellPid();
    const children = async (pid: number) =>
      (await cluster.host('h1').output(['cat', `/proc/${pid}/task/${pid}/children`])).trim().split(/\s+/).map(Number);
    const [launcher = 0] = await children(shell);
    const [node = 0] = await children(launcher);
    return { launcher, node };
  };

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL'] as const)('after %s', async (signal) => {
    await open(small);
    await terminal.until(/h3 +ready/);
    expect(await terminal.isAlternate()).toBe(true);
    await cluster.host('h1').kill((await processes()).node, signal);
    await isAsBefore();
  });

  test('also when the launcher is asked to end', async () => {
    await open(small);
    await terminal.until(/h3 +ready/);
    await cluster.host('h1').kill((await processes()).launcher, 'SIGTERM');
    await isAsBefore();
  });
});

test.each([
  ['en', 'h2', 'has left the cluster'],
  ['es', 'h3', 'está dado de baja'],
] as const)('4 in %s: %s is drained and left as it was before Trama', async (language, name, done) => {
  const host = cluster.host(name);
  await run(cluster, `on-${name}`, name, 'app');
  await open(small, '--lang', language);
  await terminal.until(new RegExp(`on-${name} +\\S+`));
  await terminal.press('4', 'End');
  await terminal.until(new RegExp(`▸ ${name === 'h2' ? 'h3' : name}`));
  if (name === 'h2') await terminal.press('Up');
  await terminal.press('Enter');
  await terminal.until(new RegExp(`${name}.*1 conta?i?n?e`));
  await terminal.type(name);
  await terminal.press('Enter');
  await terminal.until(new RegExp(`${name} ${done}`), 60_000);
  expect((await nodes()).map((node) => node.name)).not.toContain(name);
  expect(await containers(cluster)).toEqual([]);
  expect(await host.docker('ps', '-a', '--format', '{{.Names}}')).toBe('');
  expect(await host.docker('network', 'ls', '--format', '{{.Driver}}')).not.toContain('trama');
  expect((await host.run(['ip', 'netns', 'list'])).stdout).not.toContain('trama');
  expect((await host.run(['nft', 'list', 'tables'])).stdout).not.toContain('trama');
  await eventually('its state is gone', async () => (await host.run(['ls', '/var/lib/trama/agent'])).code !== 0);
  await terminal.press('5');
  await isAsBefore();
});

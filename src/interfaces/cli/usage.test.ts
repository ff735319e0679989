import { describe, expect, test } from 'vitest';
import { FakeCluster } from './testing/fake-cluster.ts';
import { type Ran, trama } from './testing/fake-io.ts';
import { topics } from './topics.ts';

const badNames = ['a;b', 'a b', '..', '../etc', 'a'.repeat(300), '-x', '', 'ü', 'a\nb', '$(id)'];
const badAddresses = ['010.1.1.1', '10.1', '10.0.0.256', '10.0.0.1/24', '-1', 'a;b', '', '1'.repeat(300)];
const badSubnets = [
  '10.0.0.0/31',
  '10.0.0.0/33',
  '010.0.0.0/8',
  '10.0.0.1/24',
  '10.0.0.0',
  '10.0.0.0/-1',
  '127.0.0.0/8',
  'a;b',
  '',
  '-x',
];
const badPorts = ['0', '70000', '-1', '80a', '080', '', '1e3', ' '];
const badImages = ['a;b', 'a b', '..', '-x', 'A:b:c', '', 'x'.repeat(300)];
const badPublished = [
  '0:80',
  '80:0',
  '70000:80',
  '80:70000',
  '80-81:80-82',
  '[::1]:80:80',
  'a:b',
  '010.1.1.1:80:80',
  '80:80/sctp',
  '',
  '-x',
];

/** Every place for a word, as the words around it; `*` is the word. */
const places: Readonly<Record<string, { readonly bad: readonly string[]; readonly in: readonly string[] }>> = {
  names: {
    bad: badNames,
    in: [
      'up --name *',
      'agent --name *',
      'node inspect *',
      'node drain *',
      'node drain --undo *',
      'node rm *',
      'node rm --force good *',
      'network create *',
      'network inspect *',
      'network rm *',
      'network rm good *',
      'network connect * web',
      'network connect app *',
      'network connect app web --alias *',
      'network disconnect * web',
      'network disconnect app *',
      'run --name * img',
      'run --node * img',
      'run --network * img',
      'run --network app --alias * img',
      'run --hostname * img',
      'ps --node *',
      'ps --network *',
      'inspect *',
      'inspect good *',
      'logs *',
      'attach *',
      'exec * ls',
      'start *',
      'stop *',
      'rm *',
      'rm -f *',
    ],
  },
  addresses: {
    bad: badAddresses,
    in: [
      'up --address *',
      'agent --address *',
      'server --listen *',
      'run --network app --ip * img',
      'network connect app web --ip *',
    ],
  },
  subnets: { bad: badSubnets, in: ['network create app --subnet *'] },
  ports: {
    bad: badPorts,
    in: ['server --requests-port *', 'server --feed-port *', 'up --requests-port *'],
  },
  'ports or none': {
    bad: badPorts.filter((port) => port !== '0'),
    in: ['server --http-port *', 'agent --agent-http-port *', 'up --http-port *'],
  },
  'published ports': { bad: badPublished, in: ['run -p * img'] },
  images: { bad: badImages, in: ['run *', 'run -d * ls'] },
  numbers: {
    bad: ['0', '-1', '1.5', 'x', '', '99999999999', '0x10'],
    in: ['token create --uses *', 'network create app --vni *', 'network create app --mtu *'],
  },
  tokens: {
    bad: ['x', '', '3F2A90C1D7E4', '3f2a90c1d7e', 'trama1.abc'],
    in: ['token rm *', 'token rm 3f2a90c1d7e4 *'],
  },
  counts: { bad: ['-1', '1.5', 'x', '', '99999999999'], in: ['stop -t * web', 'logs --tail * web'] },
  durations: {
    bad: ['0s', '1', 'h', '-1h', '1y', '', '1h;'],
    in: ['token create --ttl *', 'server --down-after *', 'up --evict-after *', 'server --suspect-after *'],
  },
  pairs: { bad: ['=v', 'a b=c', 'a', '', '-x'], in: ['network create app --opt *', 'run -l * img'] },
  variables: { bad: ['=v', 'a b=c', ''], in: ['run -e * img', 'exec -e * web ls'] },
  times: { bad: ['yesterday', '', '-1h', '12', '2026-13-45'], in: ['logs --since * web', 'logs --until * web'] },
  'paths of a container': { bad: ['', 'srv', './x'], in: ['exec -w * web ls'] },
  users: { bad: ['a b', '', '-x', 'a:b:c', '$(id)'], in: ['exec -u * web ls'] },
  words: {
    bad: ['nothing', '', '-x', 'a;b'],
    in: [
      'ps -o *',
      'node ls -o *',
      'network ls -o *',
      'inspect web -o *',
      'version -o *',
      'info -o *',
      'completion *',
      'network create app --driver *',
      'network create app --discovery *',
      'run --restart * img',
      'server --store *',
      'store backup --store * x',
      'store restore --store * x',
      'store migrate --from * --to sqlite',
      'store migrate --from sqlite --to *',
      'agent --join *',
      '*',
      'network *',
      'node *',
      'token *',
    ].filter((place) => !/^(\w+ )?\*$/.test(place) || place.startsWith('completion')),
  },
  verbs: { bad: ['nothing', '-x', 'a;b', 'x'.repeat(300)], in: ['*', 'network *', 'node *', 'store *', 'token *'] },
};

function expectUsage({ code, out, err }: Ran): void {
  expect(err).toMatch(/^trama: [^\n]{10,300}\n$/u);
  expect({ code, out }).toEqual({ code: 2, out: '' });
}

describe('bad input is exit code 2 and one clear sentence, and nothing is asked of the daemon', () => {
  for (const [what, { bad, in: lines }] of Object.entries(places)) {
    test.each(lines)(`${what} in: %s`, async (line) => {
      for (const word of bad) {
        const api = new FakeCluster();
        const ran = await trama(
          line.split(' ').map((one) => (one === '*' ? word : one)),
          { api },
        );
        expectUsage(ran);
        expect(api.asked).toEqual([]);
        expect(ran.io.started).toEqual([]);
      }
    });
  }
});

const incomplete = [
  'node',
  'network',
  'token',
  'network create',
  'network rm',
  'node inspect',
  'run',
  'exec',
  'exec web',
  'logs',
  'start',
  'stop',
  'rm',
  'inspect',
  'completion',
  'network create --subnet',
  'run --name',
  'ps extra',
  'network ls extra',
  'version extra',
  'logs a b',
  'network create a b',
  'ps --nothing',
  'server --https-port 4700',
  'run --ip 10.0.0.1 img',
  'run --alias a img',
  'run --rm --restart always img',
  'server --feed-port 4701',
  'server --suspect-after 1s',
  'server --down-after 3s',
  'server --suspect-after 6s',
  'server --evict-after 5s',
  'run --on-node-loss move img',
  'console web',
  'console --lang',
  'store',
  'store backup',
  'store backup a b',
  'store backup dir/',
  'store backup --store memory x',
  'store backup --etcd-user u x',
  'store restore',
  'store migrate',
  'store migrate --from sqlite',
  'store migrate --to sqlite',
  'store migrate --from sqlite --to sqlite',
  'store migrate --from etcd://h1 --to etcd://h1',
  'store migrate --from memory --to sqlite',
  'store migrate --from sqlite --to memory',
  'store migrate --from sqlite --to etcd://h1 --etcd-key k',
  'store migrate --from sqlite --to etcd://h1 x',
];

test.each(incomplete)('trama %s', async (line) => expectUsage(await trama(line)));

test.each([
  ['pss', 'ps'],
  ['netwrok ls', 'network'],
  ['network crate x', 'create'],
  ['ps --al', '--all'],
])('a typo is answered with a guess: trama %s', async (line, guess) => {
  expect((await trama(line)).err).toMatch(new RegExp(`did you mean ${guess}\\?\\n$`));
});

const all = [
  'up',
  'server',
  'agent',
  'console',
  'token',
  'token create',
  'node',
  'node ls',
  'node inspect',
  'node drain',
  'node leave',
  'node rm',
  'network',
  'network create',
  'network ls',
  'network inspect',
  'network rm',
  'store',
  'store backup',
  'store restore',
  'store migrate',
  'run',
  'ps',
  'inspect',
  'logs',
  'exec',
  'start',
  'stop',
  'rm',
  'info',
  'version',
  'completion',
];

test.each(['', ...all])('help of trama %s: what it is for, and an example', async (command) => {
  const { code, out, err } = await trama(`${command} --help`);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^Usage: trama/);
  expect(out).toMatch(/\nExamples?:\n {2}(\$ )/);
});

test('no words at all show the help', async () => {
  const { code, out } = await trama('');
  expect(code).toBe(0);
  for (const command of all.filter((one) => !one.includes(' ')))
    expect(out).toMatch(new RegExp(`\\n  ${command}[ \\n]`));
});

test('version', async () => {
  // Whatever answers, or does not.
  expect((await trama('version')).out).toBe('trama 0.1.0\nagent -\nserver -\n');
  expect((await trama('--version')).out).toBe('trama 0.1.0\n');
  expect(JSON.parse((await trama('version -o json')).out)).toEqual({
    version: '0.1.0',
    agent: null,
    server: null,
  });
  const api = new FakeCluster()
    .on('cluster.version', () => ({ version: '0.2.0' }))
    .on('agent.status', () => ({ node: 'h1', link: 'ready', message: '', servers: [], version: '0.1.5' }));
  expect((await trama('version', { api })).out).toBe('trama 0.1.0\nagent 0.1.5\nserver 0.2.0\n');
});

describe('help', () => {
  test('of a command is what --help shows; of a topic, what belongs to no command alone', async () => {
    expect(await trama('help network create')).toMatchObject({
      code: 0,
      out: (await trama('network create --help')).out,
    });
    const { code, out, err } = await trama('help exit-codes');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^exit-codes: what commands end with\n\n {4}0 +Done\.\n/);
    const all = await trama('help');
    expect(all.out).toContain('  ports         what -p takes');
    expect(all.out.startsWith((await trama('--help')).out)).toBe(true);
  });

  test('every topic says something, and fits a terminal of 132 columns', async () => {
    for (const { name } of topics) {
      const { code, out } = await trama(`help ${name}`);
      expect(code).toBe(0);
      expect(out.split('\n').length).toBeGreaterThan(4);
      if (!['environment', 'files', 'exit-codes'].includes(name))
        for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(132);
    }
  });

  test('of what there is not is refused', async () => {
    for (const words of ['help nope', 'help network nope', 'help __complete']) {
      expect(await trama(words)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('topics are start,') });
    }
  });
});

test.each(['ps --context prod', 'node ls --context=prod', 'logs --context prod web'])(
  '%s: the flag is before the command, and that is said',
  async (line) => {
    const { code, err } = await trama(line);
    const command = line.startsWith('node') ? 'node ls' : line.split(' ')[0];
    expect({ code, err }).toEqual({
      code: 2,
      err: `trama: --context stands before the command: trama --context CONTEXT ${command}\n`,
    });
  },
);

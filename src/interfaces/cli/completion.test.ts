import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { FakeCluster, fakeCluster, web } from './testing/fake-cluster.ts';
import { trama } from './testing/fake-io.ts';

const scripts = { bash: '', zsh: '', fish: '' };

beforeAll(async () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const { code, out } = await trama(`completion ${shell}`);
    expect(code).toBe(0);
    scripts[shell] = out;
  }
});

/** Stands for our program: `__complete node` prints nodes, and so on. */
const stub =
  'trama() { if [[ $1 == --context ]]; then echo "in-$2"; return; fi; case $2 in node) printf "h1\\nh2\\n" ;; network) echo app ;; container) printf "web\\ndb\\n" ;; image) printf "nginx:1.26\\nnginx:1.27\\n10.0.0.9:5000/team/web:1\\n" ;; context) echo prod ;; esac; }';

/** What bash offers for the last of these words. */
function offered(...words: string[]): string[] {
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '--noprofile'], {
    input: `${stub}\n${scripts.bash}\nCOMP_WORDS=(trama ${words.map((word) => `'${word}'`).join(' ')})\nCOMP_CWORD=${words.length}\n_trama\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`,
    encoding: 'utf8',
    cwd: '/etc',
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.split('\n').filter((word) => word !== '');
}

describe('bash offers', () => {
  test('nouns and verbs', () => {
    expect(offered('ne')).toEqual(['network']);
    expect(offered('')).toEqual(expect.arrayContaining(['up', 'node', 'run', 'exec', 'completion']));
    expect(offered('')).not.toContain('__complete');
    expect(offered('network', '')).toEqual(expect.arrayContaining(['create', 'ls', 'inspect', 'rm']));
    expect(offered('node', 'dr')).toEqual(['drain']);
  });

  test('flags', () => {
    expect(offered('ps', '--n')).toEqual(['--node', '--network', '--no-trunc']);
    expect(offered('network', 'create', 'x', '--su')).toEqual(['--subnet']);
  });

  test('names of nodes, networks and containers', () => {
    expect(offered('node', 'inspect', '')).toEqual(['h1', 'h2']);
    expect(offered('network', 'rm', 'app', 'a')).toEqual(['app']);
    expect(offered('rm', '-f', '')).toEqual(['web', 'db']);
    expect(offered('network', 'connect', '')).toEqual(['app']);
    expect(offered('network', 'connect', 'app', '')).toEqual(['web', 'db']);
    expect(offered('run', '--node', '')).toEqual(['h1', 'h2']);
    expect(offered('run', '-d', '--node', '=', 'h')).toEqual(['h1', 'h2']);
    expect(offered('run', '--node', '=')).toEqual(['h1', 'h2']);
    expect(offered('exec', '-u', 'root', 'w')).toEqual(['web']);
    expect(offered('debug', '--host-tools', 'w')).toEqual(['web']);
  });

  test('images, whose colons part words for the shell', () => {
    expect(offered('run', 'ng')).toEqual(['nginx:1.26', 'nginx:1.27']);
    expect(offered('run', '-d', 'nginx', ':')).toEqual(['1.26', '1.27']);
    expect(offered('run', 'nginx', ':', '1.2')).toEqual(['1.26', '1.27']);
    expect(offered('run', '10.0.0.9', ':', '5000/te')).toEqual(['5000/team/web:1']);
    expect(offered('run', '10.0.0.9', ':', '5000/team/web', ':', '1')).toEqual(['1']);
    expect(offered('run', 'nginx', ':', '1.27', 'passw')).toContain('passwd');
    expect(offered('run', '-p', '80', ':')).toEqual([]);
  });

  test('names of the cluster that --context names', () => {
    expect(offered('--context', '')).toEqual(['prod']);
    expect(offered('--context', '=', 'p')).toEqual(['prod']);
    expect(offered('--context', 'prod', 'node', 'inspect', '')).toEqual(['in-prod']);
    expect(offered('--context', '=', 'prod', 'rm', '')).toEqual(['in-prod']);
    expect(offered('node', 'inspect', '--context')).toEqual([]);
  });

  test('values that are known', () => {
    expect(offered('ps', '-o', '')).toEqual(['json', 'yaml', 'table', 'wide']);
    expect(offered('run', '--restart', 'a')).toEqual(['always']);
    expect(offered('run', '--network', '')).toEqual(['host', 'none', 'bridge', 'container:', 'app']);
    expect(offered('run', '--network', 'c')).toEqual(['container:']);
    expect(offered('run', '--pid', '')).toEqual(['host', 'container:']);
    expect(offered('ps', '--network', '')).toEqual(['app']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('names of containers behind container:, which the shell takes for a word of its own', () => {
    expect(offered('run', '--network', 'container', ':')).toEqual(['web', 'db']);
    expect(offered('run', '--pid', 'container', ':', 'w')).toEqual(['web']);
    expect(offered('run', '-p', '80', ':', '80', '--node', '')).toEqual(['h1', 'h2']);
    expect(offered('run', '--network', 'container', ':', 'web', '--na')).toEqual(['--name']);
  });

  test('--host-tools behind the container, and no flags of ours behind that', () => {
    expect(offered('debug', 'web', '--')).toEqual(['--host-tools']);
    expect(offered('debug', '-i', 'web', '--h')).toEqual(['--host-tools']);
    expect(offered('debug', 'web', 'alpine', '--h')).toEqual([]);
  });

  test('nothing where nothing is known, files for what belongs to another command', () => {
    expect(offered('run', '--name', '')).toEqual([]);
    expect(offered('run', '--name', 'network', '--node', 'h')).toEqual(['h1', 'h2']);
    expect(offered('exec', 'web', 'passw')).toContain('passwd');
    expect(offered('agent', '--state', 'passw')).toContain('passwd');
  });
});

test.each(['zsh', 'fish'] as const)('%s takes the script', (shell) => {
  const directory = mkdtempSync(`${tmpdir()}/completion-`);
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(`${directory}/trama`, scripts[shell]);
  const { error, status, stderr } = spawnSync(shell, ['-n', `${directory}/trama`], { encoding: 'utf8' });
  // Where the set-up of the tests has not been, that it names every command has to do.
  if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const word of ['network', 'create', 'subnet', 'names container']) expect(scripts[shell]).toContain(word);
});

test('zsh and fish offer modes beside networks, and --host-tools behind the container', () => {
  expect(scripts.zsh).toContain("compadd -- host none bridge; compadd -S '' -- container:; return ;;");
  expect(scripts.zsh).toContain("if [[ $verb == 'debug' && $args == 1 && $cur == -* ]]; then compadd -- --host-tools;");
  expect(scripts.fish).toContain('-l network -d ');
  expect(scripts.fish).toContain(" -a 'host none bridge container: (__trama_names network)'");
  expect(scripts.fish).toContain(`complete -c trama -n "__trama_at 'debug' 1" -l host-tools`);
});

describe('__complete', () => {
  test('prints names by kind', async () => {
    expect((await trama('__complete node')).out).toBe('h1\nh2\n');
    expect((await trama('__complete network')).out).toBe('app\n');
    expect((await trama('__complete container')).out).toBe('web\n');
    const plain = { ...web, managed: false };
    const others = ['h2', 'h3'].map((node) => ({ ...plain, node }));
    const api = fakeCluster([web, ...others, { ...plain, name: 'solo' }]);
    expect((await trama('__complete container', { api })).out).toBe('web\nh2/web\nh3/web\nsolo\n');
  });

  test('is silent about everything else', async () => {
    const down = new FakeCluster().on('node.list', () => Promise.reject(new Failure('unavailable', 'no')));
    expect(await trama('__complete node', { api: down })).toMatchObject({ code: 0, out: '', err: '' });
    expect(await trama('__complete toString')).toMatchObject({ code: 0, out: '', err: '' });
    const evil = fakeCluster([{ ...web, name: '$(touch /tmp/x)' }]);
    expect((await trama('__complete container', { api: evil })).out).toBe('');
  });
});

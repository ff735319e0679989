import { describe, expect, test } from 'vitest';
import { container, keys, node, now, Scene } from './testing/scene.ts';

const { enter, escape: esc, tab, down, right, end } = keys;

describe('the menu of the source', () => {
  test('1 launches a container: node with its load, image, network, ports, name', () => {
    const scene = new Scene().type('1').type(down);
    expect(scene.screen()).toMatch(/▸ h1 +ready +CPU ▏?█░░░░░ +12% {2}RAM/);
    scene.type(`${enter}nginx:1.27${enter}${enter}8080:80 53:53/udp${enter}web2${enter}sleep '1 0'${enter}`);
    expect(scene.effects).toEqual([
      { kind: 'images' },
      {
        kind: 'change',
        method: 'workload.run',
        params: {
          name: 'web2',
          node: 'h1',
          spec: {
            ...{ image: 'nginx:1.27', command: ['sleep', '1 0'], env: [], restart: 'unless-stopped', labels: {} },
            ports: [
              { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
              { hostPort: 53, containerPort: 53, protocol: 'udp' },
            ],
            ...{ networks: [{ network: 'app', aliases: [] }], tty: false, stdin: false },
          },
        },
        deadlineMs: 120_000,
        done: { key: 'done.launch' },
      },
    ]);
    expect(scene.state.overlay).toBeUndefined();
  });

  test('2 shows the containers, also those that have ended; the one that is chosen goes after a yes', () => {
    const scene = new Scene().type('2');
    expect(scene.names()).toEqual(['api', 'bad', 'db', 'mine', 'old', 'web']);
    scene.type(`${down}${enter}`);
    expect(scene.screen()).toContain('Destroy the container bad on h1?');
    scene.type('x');
    expect(scene.effects).toEqual([]);
    scene.type('y');
    expect(scene.effects).toMatchObject([{ method: 'workload.remove', params: { name: 'bad', force: true } }]);
  });

  test('a container of docker’s own is asked for with its node; in Spanish yes is sí', () => {
    const scene = new Scene({ language: 'es' }).type('2/mine\r\r');
    scene.type('s');
    expect(scene.effects).toMatchObject([{ params: { name: 'h1/mine' } }]);
    expect(new Scene({ language: 'es' }).type('2\rn').state.overlay).toBeUndefined();
  });

  test('3 shows nodes with CPU and RAM, networks with addresses used and free, containers with address and node', () => {
    const screen = new Scene().type(':events\r3').screen();
    expect(screen).toMatch(/h2 +ready +10\.99\.0\.12 +█████ +93%/);
    expect(screen).toMatch(/app +overlay +10\.42\.0\.0\/24 +2 +252/);
    expect(screen).toMatch(/api +running +h2 +10\.42\.0\.12/);
  });

  test('4 takes a node out, once its name has been typed', () => {
    const scene = new Scene().type(`4${down}${enter}`);
    expect(scene.screen()).toContain('Node h2 will be drained, its 2 containers removed');
    scene.type(`h1${enter}`);
    expect(scene.effects).toEqual([]);
    scene.type(`${keys.backspace}2${enter}`);
    expect(scene.effects).toMatchObject([{ method: 'node.leave', params: { name: 'h2', force: false } }]);
    expect(scene.screen()).toContain('h2 is leaving');
  });

  test('this host is asked itself; what Trama did not start goes only when that is said', () => {
    const scene = new Scene().type(`4${enter}`);
    expect(scene.screen()).toContain('Containers that Trama did not start: mine');
    scene.type(`${tab}h1${enter}`);
    expect(scene.effects).toMatchObject([{ method: 'agent.leave', params: { force: true, dryRun: false } }]);
  });

  test('a node that is lost can only be forgotten', () => {
    const scene = new Scene().type(`4${end}${enter}`);
    expect(scene.screen()).toContain('Node h3 cannot be reached');
    expect(scene.type(`h3${enter}`).effects).toMatchObject([
      { method: 'node.remove', params: { name: 'h3', force: true } },
    ]);
  });

  test('5 closes, and so do q and Ctrl-C', () => {
    for (const key of ['5', 'q', '\x03']) expect(new Scene().type(key).effects).toEqual([{ kind: 'quit' }]);
  });
});

describe('the first time', () => {
  const first = () => new Scene({ empty: true }).happen({ kind: 'data', data: { complete: true } });

  test('with no network its segment is asked for, and a free one offered', () => {
    const scene = first();
    expect(scene.effects).toEqual([{ kind: 'offer' }]);
    scene.happen({ kind: 'offered', subnet: '10.50.0.0/16' });
    expect(scene.screen()).toMatch(/There is no network yet[\s\S]*Segment +10\.50\.0\.0\/16/);
    scene.type(`${enter}${enter}`);
    expect(scene.effects[1]).toMatchObject({
      method: 'network.create',
      params: { name: 'app', subnet: '10.50.0.0/16' },
    });
  });

  test('who does not want one is not asked again', () => {
    const scene = first()
      .type(esc)
      .happen({ kind: 'data', data: { networks: [] } });
    expect(scene.state.overlay).toBeUndefined();
  });

  test('what is typed already is not overwritten; a segment that is none is refused where it stands', () => {
    const scene = first().type(`${tab}10.9`).happen({ kind: 'offered', subnet: '10.50.0.0/16' });
    expect(scene.type(enter).screen()).toMatch(/10\.9_[\s\S]*is not a/);
  });

  test('not while there is one, nor read-only', () => {
    expect(new Scene().effects).toEqual([]);
    const readOnly = new Scene({ empty: true, readOnly: true }).happen({ kind: 'data', data: { complete: true } });
    expect(readOnly.effects).toEqual([]);
  });
});

describe('lists', () => {
  test('Enter drills in with breadcrumbs, Esc goes back', () => {
    const scene = new Scene().type(`:nodes\r${down}${enter}`);
    expect(scene.lines()[2]).toMatch(/^ Nodes › h2 · Containers/);
    expect(scene.names()).toEqual(['api', 'db']);
    scene.type(enter);
    expect(scene.screen()).toMatch(/Nodes › h2 · Containers › h2\/api[\s\S]*10\.42\.0\.12 {2}app/);
    scene.type(esc + esc);
    expect(scene.lines()[2]).toMatch(/^ Nodes +$/);
  });

  test('sorted by a key, once more turned round, and by the column that one is on', () => {
    const scene = new Scene().type(':containers\r');
    expect(scene.type('I').names()).toEqual(['bad', 'mine', 'web', 'db', 'api']);
    expect(scene.type('I').names()).toEqual(['api', 'db', 'mine', 'web', 'bad']);
    expect(scene.type(`${right}${right}o`).names()).toEqual(['bad', 'mine', 'web', 'api', 'db']);
    expect(scene.screen()).toContain('NODE↑');
  });

  test('a click on a head sorts, on a row chooses it, on the menu does that', () => {
    const scene = new Scene().type(':containers\r');
    const head = scene.lines()[4] ?? '';
    const click = (column: number, row: number) => scene.type(`\x1b[<0;${column + 1};${row + 1}M`);
    click(head.indexOf('NODE'), 4);
    expect(scene.screen()).toContain('NODE↑');
    click(3, 6);
    expect(scene.lines()[6]).toMatch(/^▸/);
    click(2, 1);
    expect(scene.state.overlay?.kind).toBe('form');
  });

  test('the row that one is on stays, whatever comes before it; when it goes, the next is chosen', () => {
    const scene = new Scene().type(':containers\r').type(down + down);
    const all = scene.state.data.containers;
    scene.happen({ kind: 'data', data: { containers: [container('a1'), container('a2'), ...all] } });
    expect(scene.screen()).toMatch(/▸ db /);
    scene.happen({ kind: 'data', data: { containers: all.filter(({ name }) => name !== 'db') } });
    expect(scene.screen()).toMatch(/▸ web /);
  });

  test('only what is visible is drawn, and what one is on is visible', () => {
    const many = Array.from({ length: 1000 }, (_, i) => container(`c${String(i).padStart(4, '0')}`));
    const scene = new Scene().happen({ kind: 'data', data: { containers: many } }).type(':containers\r');
    expect(scene.names()).toHaveLength(17);
    expect(scene.type(end).screen()).toMatch(/▸ c0999/);
    expect(scene.type(keys.up).names()[0]).toBe('c0983');
    expect(scene.type('g').type(keys.pageDown).screen()).toMatch(/▸ c0017/);
  });

  test('problems only; those that have ended on demand, and counted', () => {
    const scene = new Scene().type(':containers\r');
    expect(scene.screen()).toContain('+1 stopped');
    expect(scene.type('a').names()).toContain('old');
    expect(scene.type('p').names()).toEqual(['bad']);
    expect(scene.type('p3p').names()).toEqual(['h3', 'bad']);
  });

  test('a filter shows at once what it leaves; Esc takes it back, then off', () => {
    const scene = new Scene().type(':containers\r/api');
    expect(scene.names()).toEqual(['api']);
    expect(scene.type(esc).names()).toHaveLength(5);
    scene.type(`/api${enter}`);
    expect(scene.lines()[2]).toContain('filter: api');
    expect(scene.type(esc).names()).toHaveLength(5);
  });

  test('a cell is copied', () => {
    const scene = new Scene().type(`:containers\r${right}${right}${right}y`);
    expect(scene.effects).toEqual([{ kind: 'copy', text: '10.42.0.12' }]);
  });

  test('events of all nodes, the newest first', () => {
    const events = [
      { time: now - 9000, kind: 'error' as const, message: 'older' },
      { time: now - 1000, kind: 'info' as const, message: 'newer' },
    ];
    const scene = new Scene().happen({ kind: 'data', data: { nodes: [node('h1', { events })] } }).type(':events\r');
    expect(scene.screen()).toMatch(/note +newer[\s\S]*error +older/);
  });

  test('courses of CPU, RAM and traffic grow with each report, and not without one', () => {
    const scene = new Scene({ columns: 200, rows: 50 });
    for (const cpu of [0.5, 0.5, 0.9]) scene.happen({ kind: 'data', data: { nodes: [node('h1', { cpu })] } });
    expect(scene.state.history.get('h1')?.map(({ cpu }) => cpu)).toEqual([0.12, 0.5, 0.9]);
    expect(scene.screen()).toMatch(/ ▁▅█ +90%/);
  });
});

describe('what one may', () => {
  test.each(['1', '2', '4', ':launch\r', `:containers\rd`, ':containers\rs', ':nodes\rt', ':nodes\rr', ':networks\rn'])(
    'read-only changes nothing: %j',
    (typed) => {
      const scene = new Scene({ readOnly: true }).type(typed).type(enter);
      expect(scene.effects).toEqual([]);
      expect(scene.state.overlay).toBeUndefined();
    },
  );

  test('it says so, and does not offer it', () => {
    const scene = new Scene({ readOnly: true });
    expect(scene.lines()[0]).toContain('READ-ONLY');
    expect(scene.lines()[23]).not.toContain('Destroy');
    expect(scene.type('1').screen()).toContain('start it without --read-only');
  });
});

describe('verbs', () => {
  const effect = (typed: string) => new Scene().type(typed).effects[0];
  test('of containers', () => {
    expect(effect(':containers\r/web\rs')).toEqual({ kind: 'shell', reference: 'web', name: 'web', node: 'h1' });
    expect(effect(':containers\r/mine\rx')).toMatchObject({ method: 'workload.stop', params: { name: 'h1/mine' } });
    expect(effect(':containers\ra/old\ru')).toMatchObject({ method: 'workload.start', params: { name: 'old' } });
    expect(effect(':containers\r/web\r\rl')).toMatchObject({ kind: 'open-logs', reference: 'web' });
    const stopped = new Scene().type(':containers\ra/old\rs');
    expect(stopped.screen()).toContain('old does not run');
  });

  test('of nodes and networks', () => {
    expect(effect(':nodes\rr')).toMatchObject({ method: 'node.drain', params: { name: 'h1', drained: true } });
    expect(effect(':networks\r/db\rdy')).toMatchObject({ method: 'network.remove', params: { name: 'db' } });
    expect(effect(':networks\rn')).toEqual({ kind: 'offer' });
  });

  test('the palette goes where its first suggestion is, in either language', () => {
    expect(new Scene({ language: 'es' }).type(':redes\r').lines()[2]).toMatch(/^ Redes/);
    expect(new Scene({ language: 'es' }).type(':net\r').lines()[2]).toMatch(/^ Redes/);
    expect(new Scene().type(':nowhere\r').screen()).toContain('There is no nowhere to go to');
  });

  test('what is said goes after a while; what failed is said', () => {
    const scene = new Scene().happen({
      kind: 'said',
      said: { key: 'failed', values: { why: 'it is full' } },
      bad: true,
    });
    expect(scene.lines()[22]).toContain('Not done: it is full');
    scene.happen({ kind: 'tick', now: now + 9000 });
    expect(scene.lines()[22]?.trim()).toBe('');
  });
});

test('a server that dies is told of, what was known stays; when it is back that is over', () => {
  const scene = new Scene().happen({ kind: 'link', state: 'down', why: 'no server answers' });
  expect(scene.lines()[0]).toContain('NOT CONNECTED');
  expect(scene.screen()).toMatch(/api +running/);
  expect(scene.lines()[22]).toContain('no server answers');
  expect(scene.happen({ kind: 'link', state: 'up', why: '' }).lines()[0]).toContain(
    '3 nodes · 5 containers · 2 problems',
  );
});

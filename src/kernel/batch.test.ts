import { describe, expect, test } from 'vitest';
import { type Command, CommandFailed, type Finished } from '../platform/platform.ts';
import { apply } from './apply.ts';
import { runOperations } from './batch.ts';
import type { Operation } from './commands.ts';
import type { KernelObject } from './objects.ts';

const finished = (code = 0, stderr = ''): Finished => ({ code, stdout: '', stderr });
const ip = (text: string, ns = ''): Operation => ({ tool: 'ip', ns, args: text.split(' ') });
const nft = (...statements: string[]): Operation => ({ tool: 'nft', ns: 'trama', statements });

/** A spawn that answers as `answer` says and remembers what it was asked. */
function fake(answer: (command: Command) => Finished = () => finished()) {
  const commands: Command[] = [];
  const spawn = async (command: Command) => {
    commands.push(command);
    return answer(command);
  };
  return { commands, spawn };
}

describe('batches', () => {
  test('what follows one another with one tool in one namespace is one process', async () => {
    const { commands, spawn } = fake();
    await runOperations([nft('a', 'b'), nft('c'), ip('link a'), ip('link b'), ip('link c', 'trama')], spawn);
    expect(commands.map(({ argv, input }) => [argv.join(' '), input])).toEqual([
      ['nsenter --net=/run/netns/trama nft -f -', 'a\nb\nc\n'],
      ['ip -force -batch -', 'link a\nlink b\n'],
      ['ip -n trama -force -batch -', 'link c\n'],
    ]);
  });

  test('nft in different namespaces runs side by side, a few at a time; in one, one after the other', async () => {
    let [running, most] = [0, 0];
    const order: string[] = [];
    const spawn = async ({ argv }: Command) => {
      running += 1;
      most = Math.max(most, running);
      order.push(argv[1] ?? '');
      await new Promise(setImmediate);
      running -= 1;
      return finished();
    };
    const of = (ns: string): Operation => ({ tool: 'nft', ns, statements: ['a'] });
    const many = Array.from({ length: 20 }, (_, i) => of(`/n${i}`));
    expect(await runOperations(many, spawn)).toHaveLength(20);
    expect(most).toBe(8);
    most = 0;
    await runOperations([of('/a'), ip('link a'), of('/a'), of('/b'), of('/a')], spawn);
    expect(order.slice(20)).toEqual(['--net=/a', '-force', '--net=/a', '--net=/b', '--net=/a']);
    expect(most).toBe(2);
  });

  test('what only admits holds up nothing but nft, and is waited for', async () => {
    const order: string[] = [];
    const spawn = async ({ argv }: Command) => {
      const [tool = '', where = ''] = argv;
      order.push(`${tool} ${where}`);
      // Slower than all that is run beside it.
      if (tool === 'nsenter') for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      order.push(`${tool} ${where} done`);
      return finished(tool === 'nsenter' && order.length < 6 ? 1 : 0, 'x:1:1-2: Error: no such set');
    };
    const admitting: Operation = { tool: 'nft', ns: '/a', statements: ['a'], admits: true };
    const closing: Operation = { tool: 'nft', ns: '/b', statements: ['b'] };
    expect(await runOperations([admitting, ip('link a'), closing], spawn)).toEqual([
      'no such set',
      undefined,
      undefined,
    ]);
    const [nsA, nsB] = ['nsenter --net=/a', 'nsenter --net=/b'];
    expect(order).toEqual([nsA, 'ip -force', 'ip -force done', `${nsA} done`, nsB, `${nsB} done`]);
  });

  test('an error is laid at the line that caused it', async () => {
    const said = 'Cannot find device "b"\nCommand failed -:2\nRTNETLINK answers: File exists\nCommand failed -:4\n';
    const { spawn } = fake(() => finished(1, said));
    expect(await runOperations([ip('a'), ip('b'), ip('c'), ip('d')], spawn)).toEqual([
      undefined,
      'Cannot find device "b"',
      undefined,
      'RTNETLINK answers: File exists',
    ]);
  });

  test('where an error ends the tool, halves are tried until the culprit is alone', async () => {
    const { commands, spawn } = fake(({ input }) =>
      input?.includes('bad') ? finished(2, 'RTNETLINK answers: no') : finished(),
    );
    const result = await runOperations([ip('1'), ip('2'), ip('bad'), ip('4'), ip('5')], spawn);
    expect(result).toEqual([undefined, undefined, 'RTNETLINK answers: no', undefined, undefined]);
    expect(commands.map(({ input }) => input?.trim().split('\n').length)).toEqual([5, 2, 3, 1, 2]);
  });

  test('links that go together are deleted as a group, and one that is gone already is told', async () => {
    const said = 'Cannot find device "trv1"\nCommand failed -:2\n';
    const { commands, spawn } = fake(() => finished(1, said));
    const result = await runOperations([ip('link del dev trv0'), ip('link del dev trv1'), ip('addr del x')], spawn);
    expect(commands[0]?.input).toBe(
      'link set dev trv0 group 1953653101\nlink set dev trv1 group 1953653101\nlink del group 1953653101\naddr del x\n',
    );
    expect(result).toEqual([undefined, 'Cannot find device "trv1"', undefined]);
  });

  test('a missing tool is named with its package', async () => {
    const operations: Operation[] = [ip('link a'), nft('b')];
    const spawn = async (command: Command) => {
      if (command.argv[0] === 'nsenter')
        return finished(127, 'nsenter: failed to execute nft: No such file or directory');
      throw new CommandFailed(command.argv, finished(-1), 'is not installed');
    };
    expect(await runOperations(operations, spawn)).toEqual([
      'ip is not installed: apt-get install iproute2',
      'nft is not installed: apt-get install nftables',
    ]);
  });
});

describe('apply', () => {
  const address: KernelObject = { kind: 'address', ns: '', device: 'trg1', cidr: '10.0.0.1/8' };
  const route: KernelObject = { kind: 'route', ns: '', destination: '10.0.0.0/8', device: 'trg1' };

  test('what is gone already is deleted; what is there already is looked at; anything else failed', async () => {
    const answering = (line: string) => fake(() => finished(1, `${line}\nCommand failed -:1\n`)).spawn;
    const outcome = async (object: KernelObject, op: 'create' | 'delete', said: string) => {
      const step = op === 'create' ? ({ op, after: object } as const) : ({ op, before: object } as const);
      return (await apply([step], answering(said), '1'))[0]?.outcome;
    };
    expect(await outcome(address, 'delete', 'Cannot find device "trg1"')).toBe('done');
    expect(await outcome(address, 'delete', 'RTNETLINK answers: Cannot assign requested address')).toBe('done');
    expect(await outcome(route, 'delete', 'RTNETLINK answers: No such process')).toBe('done');
    expect(await outcome(route, 'create', 'RTNETLINK answers: File exists')).toBe('uncertain');
    expect(await outcome(route, 'create', 'Cannot find device "trg1"')).toBe('failed');
    expect(await outcome(address, 'delete', 'RTNETLINK answers: Operation not permitted')).toBe('failed');
  });

  test('two networks are wired with as few processes as one', async () => {
    const network = (vni: number): KernelObject[] => [
      { kind: 'link', ns: 'trama', name: `trb${vni}`, type: 'bridge', mtu: 1450, up: true },
      {
        ...{ kind: 'link', ns: 'trama', name: `trx${vni}`, type: 'vxlan', mtu: 1450, up: true, master: `trb${vni}` },
        ...{ vni, dstPort: 4789, local: '192.0.2.1', device: 'eth0', learning: false },
      },
    ];
    const count = async (objects: KernelObject[]) => {
      const { commands, spawn } = fake();
      const byRank = objects.toSorted((a, b) => ('type' in a && 'type' in b ? (a.type < b.type ? -1 : 1) : 0));
      await apply(
        byRank.map((after) => ({ op: 'create', after })),
        spawn,
        '1',
      );
      return commands.length;
    };
    expect(await count([...network(1), ...network(2)])).toBe(await count(network(1)));
  });

  test('a step that cannot be written down fails alone', async () => {
    const { spawn } = fake();
    const results = await apply(
      [
        { op: 'create', after: { ...address, device: 'a b' } as KernelObject },
        { op: 'create', after: route },
      ],
      spawn,
      '1',
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'done']);
  });
});

import { describe, expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { runQuickExec } from './quick-exec.ts';
import { paramsOf, parseQuickExec } from './quick-words.ts';
import { fakeCluster } from './testing/fake-cluster.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

const quick = (line: string) => parseQuickExec(line.split(' '));

test.each([
  ['exec web true', { container: 'web', command: ['true'], flags: {} }],
  [
    'exec -it h2/web sh -c x',
    { container: 'h2/web', command: ['sh', '-c', 'x'], flags: { interactive: true, tty: true } },
  ],
  ['exec -i -t web ls -i', { container: 'web', command: ['ls', '-i'], flags: { interactive: true, tty: true } }],
])('%s is understood', (line, parsed) => expect(quick(line)).toEqual(parsed));

test.each([
  ...['ps', 'exec', 'exec web', 'exec --help', 'exec web --help', 'exec -e A=b web ls', 'exec --tty web ls'],
  ...['exec -x web ls', 'exec we!b ls', 'exec -- web ls', 'exec web -- ls', '--context x exec web ls'],
])('%s is for the command tree', (line) => expect(quick(line)).toBeUndefined());

describe('it does what the command tree does', () => {
  test.each(['exec web sh -c x', 'exec -i web cat', 'exec -it web sh'])('%s', async (line) => {
    const opened = async (run: (api: ReturnType<typeof fakeCluster>) => Promise<unknown>) => {
      const api = fakeCluster().onOpen((stream) => stream.end({ exitCode: 42 }));
      expect(await run(api)).toBe(42);
      return api.opened.map(({ method, params }) => ({ method, params }));
    };
    const parsed = quick(line);
    if (parsed === undefined) throw new Error('not understood');
    const quickly = await opened((api) => runQuickExec(parsed, new FakeIo({ api })));
    expect(quickly).toEqual(await opened(async (api) => (await trama(line, { api })).code));
    // And so does what is asked for before that is loaded.
    expect(quickly).toEqual([{ method: 'workload.exec', params: paramsOf(parsed) }]);
  });

  test('failures are said, with their codes', async () => {
    const api = fakeCluster().onOpen((stream) => stream.reset(new Failure('unavailable', 'gone')));
    const io = new FakeIo({ api });
    expect(await runQuickExec({ container: 'web', command: ['ls'], flags: {} }, io)).toBe(125);
    expect(io.err).toMatch(/^trama: the connection to web was lost/);
  });
});

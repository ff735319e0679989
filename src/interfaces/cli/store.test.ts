import { describe, expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { runCli } from './cli.ts';
import type { StoreTools } from './io.ts';
import { FakeIo, trama } from './testing/fake-io.ts';

const state = '/var/lib/trama';
const etcd = { hosts: [{ host: 'h1', port: 2379 }], prefix: 'trama/' };

describe('trama store', () => {
  test.each([
    ['store backup /x/b', ['backup', { store: 'sqlite', state }, '/x/b', false]],
    ['store backup --force --state /srv /x/b', ['backup', { store: 'sqlite', state: '/srv' }, '/x/b', true]],
    ['store backup --store etcd://h1 /x/b', ['backup', { store: etcd, state }, '/x/b', false]],
    ['store restore /x/b --force', ['restore', '/x/b', { store: 'sqlite', state }, true]],
    [
      'store migrate --from sqlite --to etcd://h1 --etcd-prefix p/ --etcd-ca /ca',
      ['migrate', { store: 'sqlite', state }, { store: { ...etcd, prefix: 'p/', ca: '/ca' }, state }, false],
    ],
    [
      'store migrate --to sqlite --from etcd://h1',
      ['migrate', { store: etcd, state }, { store: 'sqlite', state }, false],
    ],
  ])('%s', async (line, expected) => {
    const { code, out, err, io } = await trama(line);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toMatch(/^(backup|restore|migrate) done\n$/);
    expect(io.started).toEqual(expected);
  });

  test('what a server is told by variables and its file goes for its store too', async () => {
    const files = { '/etc/trama/config.yaml': 'state: /srv/trama\n' };
    const { io } = await trama('store backup /x/b', { files, env: { TRAMA_STORE: 'etcd://h1' } });
    expect(io.started).toEqual(['backup', { store: etcd, state: '/srv/trama' }, '/x/b', false]);
  });

  test('progress and failures are messages; a failure is exit code 1', async () => {
    class Failing extends FakeIo {
      override readonly store: StoreTools = {
        ...new FakeIo().store,
        backup: async (_from, file, _force, note) => {
          note('5000 keys read');
          throw new Failure('exhausted', `${file} cannot be used: its disk is full`);
        },
      };
    }
    const io = new Failing();
    expect(await runCli(['store', 'backup', '/x/b'], io)).toBe(1);
    expect({ out: io.out, err: io.err }).toEqual({
      out: '',
      err: 'trama: 5000 keys read\ntrama: /x/b cannot be used: its disk is full\n',
    });
  });
});

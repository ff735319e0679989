/** The server's own tests once more, with everything kept in a real etcd. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { spawn } from '../../src/platform/platform.ts';
import { EtcdCluster } from '../etcd/etcd-cluster.ts';

const root = join(import.meta.dirname, '../..');

test('what holds of a server over memory and SQLite holds of one over etcd', async () => {
  await using etcd = await EtcdCluster.start();
  const result = join(etcd.directory, 'result.json');
  // One file at a time: a revision counts all that is written there.
  const how = [
    '--project',
    'unit',
    '--no-file-parallelism',
    '--testTimeout',
    '60000',
    '--reporter',
    'json',
    '--outputFile',
    result,
  ];
  await spawn({
    argv: [process.execPath, join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...how, 'src/server'],
    cwd: root,
    env: { TRAMA_TEST_ETCD_PORT: String(etcd.hosts[0]?.port) },
    timeoutMs: 280_000,
  });
  const { numFailedTests, numPassedTests, testResults } = JSON.parse(await readFile(result, 'utf8')) as {
    numFailedTests: number;
    numPassedTests: number;
    testResults: { assertionResults: { status: string; fullName: string; failureMessages: string[] }[] }[];
  };
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed'),
  );
  expect(failed.map(({ fullName, failureMessages }) => [fullName, ...failureMessages])).toEqual([]);
  expect(numFailedTests).toBe(0);
  expect(numPassedTests).toBeGreaterThan(100);
  // They did stand over it.
  expect(await etcd.etcdctl(['get', '--prefix', '--keys-only', '--limit', '1', ''])).toContain('/trama/');
}, 300_000);

/**
 * Writes to the store at argv[2] as fast as it can until it is killed, and prints `<key> <revision>` for each
 * acknowledged transaction. Each writes two keys, so that a half of one would show.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/platform/platform.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

const [path, round] = process.argv.slice(2);
const store = await openSqliteStore({ path: path ?? '', clock: systemClock, keepRevisions: 1_000_000 });

async function write(writer: number): Promise<void> {
  for (let index = 0; ; index += 1) {
    const key = `${round}-${writer}-${index}`;
    const { revision } = await store.transact(
      [{ key: `left/${key}`, is: 'absent' }],
      ['left', 'right'].map((side) => ({ op: 'put', key: `${side}/${key}`, value: 'x'.repeat(index % 3000) })),
    );
    writeSync(1, `${key} ${revision}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));

/**
 * Who tries to connect to this host and does not hear its answer. Such a connection is half open: the kernel has answered a first
 * packet, and answers it again and again, for up to a minute, after 1, 3, 7, 15 and 31 s. Read only.
 */
import { readFile } from 'node:fs/promises';

/** As /proc/net/tcp numbers it. */
const synReceived = '03';
/** Answers that were sent again: what is older than 7 s may be over. */
const freshAnswers = 2;

/** For so long one look does for all: of a thousand hosts that are lost at once each is asked for. Milliseconds. */
const sharedMs = 2000;

/** @returns whether somebody at the IPv4 address has come to the door of one of these ports of this host in the last 7 s */
export function createKnocking(): (address: string, ports: readonly number[]) => Promise<boolean> {
  let look: { readonly at: number; readonly tables: Promise<readonly string[]> } | undefined;
  return async (address, ports) => {
    const now = performance.now();
    if (look === undefined || now - look.at > sharedMs) look = { at: now, tables: readTables() };
    return (await look.tables).some((table) => hasHalfOpen(table, address, ports));
  };
}

function readTables(): Promise<readonly string[]> {
  return Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')));
}

/** @param table `sl local_address rem_address st tx:rx tr:when retrnsmt …`: addresses as words in the host's order, ports in hexadecimal. */
export function hasHalfOpen(table: string, address: string, ports: readonly number[]): boolean {
  const word = address
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .reverse()
    .join('')
    .toUpperCase();
  // A socket for both families sees IPv4 as ::ffff:a.b.c.d.
  const remotes = [word, `0000000000000000FFFF0000${word}`];
  // Of thousands of connections none is its.
  if (!table.includes(`${word}:`)) return false;
  return table.split('\n').some((line) => {
    const [, local = '', remote = '', state, , , again = ''] = line.trim().split(/\s+/);
    if (
      state !== synReceived ||
      Number.parseInt(again, 16) > freshAnswers ||
      !remotes.includes(remote.split(':')[0] ?? '')
    )
      return false;
    return ports.includes(Number.parseInt(local.split(':')[1] ?? '', 16));
  });
}

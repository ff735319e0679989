/** A server and a client that is connected to it, in a process of their own: for what ends a process, or wants another network. */
import { join } from 'node:path';
import { type Finished, type Spawn, spawn } from '../../src/platform/platform.ts';

const source = join(import.meta.dirname, '../../src');

/** Lines of a module, run while both are there (`bus`, `keys`, `mine`, `server`, `client`, `heard`); both are disposed of after them. */
export function busProcess(lines: string, timeoutMs: number, run: Spawn = spawn): Promise<Finished> {
  const program = `
    const { createZeroMqBus } = await import('${source}/bus/zeromq/zeromq.ts');
    const { silentLog } = await import('${source}/platform/platform.ts');
    const bus = createZeroMqBus({ log: silentLog });
    const keys = bus.generateKeys(), mine = bus.generateKeys();
    const server = await bus.serve({
      address: '127.0.0.1', ports: { requests: 0, feed: 0 }, keys,
      gatekeeper: { peerOf: (key) => ({ kind: 'node', key, node: 'h1' }) },
      handler: { call: async () => 'answer', open: async () => { throw new Error('none'); } },
      onMetrics() {},
    });
    let heard = 0;
    const client = await bus.connect({
      server: { host: '127.0.0.1', ports: server.ports, key: keys.publicKey }, keys: mine, onFeed: () => (heard += 1) });
    client.subscribe('cluster');
    ${lines}
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  `;
  return run({ argv: [process.execPath, '--input-type=module', '-e', program], timeoutMs });
}

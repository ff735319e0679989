/**
 * Compiles all that a daemon loads, so that it lies in Node's compile cache when the launcher starts the daemon: one that
 * finds its code there never loads the stripper of types, 15 to 25 MB for as long as it lives. The cache is written when
 * this process ends, and not by a daemon that is killed. Run with `--version`, which is what `trama.ts` then does.
 */
import { flushCompileCache } from 'node:module';
import {
  agentModules,
  apiModule,
  doctorModule,
  etcdStore,
  httpModule,
  serverModules,
  sqliteStore,
  webSocketModule,
} from './daemon-modules.ts';

// Not in order: Node's exit waits for threads that compile, and one that waits for the garbage collector waits for ever
// (nodejs/node#54918). So much was just loaded that this is met here about once in some hundred times. By this signal the launcher knows that it came so far.
process.once('exit', () => {
  flushCompileCache();
  process.kill(process.pid, 'SIGTERM');
});

await Promise.all([
  import('./daemons.ts'),
  serverModules(),
  agentModules(),
  doctorModule(),
  httpModule(),
  apiModule(),
  webSocketModule(),
  sqliteStore(),
  etcdStore(),
]);
await import('./trama.ts');

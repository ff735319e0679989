/** Entry of the `trama` command. Loads only what the command line needs; each daemon loads the rest when it starts. */
import { runCli } from '../interfaces/cli/cli.ts';
import { processIo } from '../interfaces/cli/process-io.ts';
import { connectLocalApi } from '../interfaces/local/client.ts';
import { silentLog } from '../platform/log.ts';
import { agentSocket, serverSocket } from './sockets.ts';
import { version } from './version.ts';

const io = processIo({
  version,
  api: () => connectLocalApi({ socketPaths: [agentSocket, serverSocket] }),
  registryAuth: async (registry) =>
    (await import('../runtimes/docker/host-credentials.ts')).hostCredentials(silentLog)(registry),
  daemons: {
    up: async (options) => (await import('./daemons.ts')).daemons.up(options),
    server: async (options) => (await import('./daemons.ts')).daemons.server(options),
    agent: async (options) => (await import('./daemons.ts')).daemons.agent(options),
  },
});

// A question that was interrupted may still wait for its answer; nobody waits for it here. All output is written by now.
process.exit(await runCli(process.argv.slice(2), io));

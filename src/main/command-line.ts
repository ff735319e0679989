/** The `trama` command. Loads only what the command line needs; each daemon loads the rest when it starts. */
import { processIo } from '../interfaces/cli/process-io.ts';
import { runQuickExec } from '../interfaces/cli/quick-exec.ts';
import type { QuickExec } from '../interfaces/cli/quick-words.ts';
import { contextFiles } from '../interfaces/contexts/context-files.ts';
import type { StoredContext } from '../interfaces/interfaces.ts';
import { connectLocalApi } from '../interfaces/local/client.ts';
import type { EarlyStream } from '../interfaces/local/early.ts';
import { silentLog } from '../platform/log.ts';
import type { Api } from '../protocol/api.ts';
import { agentSocket, serverSocket } from './sockets.ts';
import { version } from './version.ts';

const socketPaths = [agentSocket, serverSocket];
const labRemoval = async () => (await import('./lab-removal.ts')).labRemoval;
const labTools = async () => (await import('./lab-tools.ts')).labTools;

const contexts = contextFiles(process.env);
/** Of the cluster that is reached elsewhere; it is told when we go. */
let elsewhere: Promise<AsyncDisposable> | undefined;
let early: EarlyStream | undefined;

const apiOf = (context: StoredContext | undefined): Api => {
  if (context === undefined) return connectLocalApi({ socketPaths, early });
  const opening = import('./elsewhere.ts').then(({ openContext }) => openContext(context, contexts));
  elsewhere = opening;
  // Whoever asks hears of it.
  opening.catch(() => {});
  return {
    call: async (...words) => (await opening).call(...words),
    open: async (...words) => (await opening).open(...words),
  };
};

const io = processIo({
  version,
  api: apiOf,
  contexts,
  newUserKey: async () => (await import('./elsewhere.ts')).newUserKey(),
  registryAuth: async (registry) =>
    (await import('../runtimes/docker/host-credentials.ts')).hostCredentials(silentLog)(registry),
  doctor: async (settings) => {
    const [{ examineThisHost }, { spawn }] = await Promise.all([import('./doctor.ts'), import('../platform/spawn.ts')]);
    return examineThisHost(settings, connectLocalApi({ socketPaths }), spawn);
  },
  store: {
    backup: async (...words) => (await import('./store-tools.ts')).storeTools.backup(...words),
    restore: async (...words) => (await import('./store-tools.ts')).storeTools.restore(...words),
    migrate: async (...words) => (await import('./store-tools.ts')).storeTools.migrate(...words),
  },
  lab: {
    up: async (...words) => (await labTools()).up(...words),
    upSteps: async (...words) => (await labTools()).upSteps(...words),
    down: async (...words) => (await labRemoval()).down(...words),
    downSteps: async (...words) => (await labRemoval()).downSteps(...words),
    list: async () => (await labTools()).list(),
    scenarios: async () => (await labTools()).scenarios(),
    inspect: async (...words) => (await labTools()).inspect(...words),
    exec: async (...words) => (await labTools()).exec(...words),
    test: async (...words) => (await labTools()).test(...words),
    junit: async (...words) => (await labTools()).junit(...words),
    script: async (...words) => (await labTools()).script(...words),
    explain: async (...words) => (await labTools()).explain(...words),
    graph: async (...words) => (await labTools()).graph(...words),
    set: async (...words) => (await labTools()).set(...words),
    capture: async (...words) => (await labTools()).capture(...words),
  },
  console: async (options, context) => {
    const { stdin, stdout, env } = process;
    const { runConsole } = await import('../interfaces/console/console.ts');
    const place = context === undefined ? {} : { place: context.name };
    return runConsole(options, { ...place, api: apiOf(context), env, stdin, stdout });
  },
  daemons: {
    up: async (options) => (await import('./daemons.ts')).daemons.up(options),
    server: async (options) => (await import('./daemons.ts')).daemons.server(options),
    agent: async (options) => (await import('./daemons.ts')).daemons.agent(options),
  },
});

/** @param begun a stream of `quick` that has been asked for already. @returns the exit code */
export async function commandLine(
  words: readonly string[],
  quick: QuickExec | undefined,
  begun: EarlyStream | undefined,
): Promise<number> {
  early = begun;
  const code = quick
    ? await runQuickExec(quick, io)
    : await (await import('../interfaces/cli/cli.ts')).runCli(words, io);
  await elsewhere?.then((api) => api[Symbol.asyncDispose]()).catch(() => {});
  return code;
}

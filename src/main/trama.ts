/**
 * Entry of the `trama` command. What there is at all it says by itself, which is done before the rest were loaded. What `exec` asks of the daemon it asks first, and loads the rest while the command begins in its
 * container: that takes about as long.
 */
import { asksForOverview, paramsOf, parseQuickExec, type QuickExec } from '../interfaces/cli/quick-words.ts';
import { currentFile, directoryOf } from '../interfaces/contexts/places.ts';
import { beginStream } from '../interfaces/local/early.ts';
import { agentSocket } from './sockets.ts';

/** Ids are looked up first, and another cluster is asked elsewhere. */
function mayBegin({ container }: QuickExec): boolean {
  const directory = directoryOf(process.env);
  const isChosen = directory !== undefined && process.getBuiltinModule('node:fs').existsSync(currentFile(directory));
  return !process.env.TRAMA_CONTEXT && !isChosen && !/^[0-9a-f]{12,64}$/.test(container);
}

/** @returns whether it is written: what went wrong, the command line says. */
async function showOverview(): Promise<boolean> {
  const { stdout } = process;
  const { overview } = await import('../interfaces/cli/overview.ts');
  return new Promise((resolve) => {
    stdout.once('error', () => resolve(false));
    stdout.write(overview(stdout.columns ?? 80), (error) => resolve(!error));
  });
}

const words = process.argv.slice(2);
if (asksForOverview(words) && (await showOverview())) process.exit(0);
const quick = parseQuickExec(words);
const begun = quick && mayBegin(quick) ? beginStream(agentSocket, 'workload.exec', paramsOf(quick)) : undefined;
await begun?.sent;
const { commandLine } = await import('./command-line.ts');
// A question that was interrupted may still wait for its answer; nobody waits for it here. All output is written by now.
process.exit(await commandLine(words, quick, begun));

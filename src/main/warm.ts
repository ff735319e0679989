/**
 * Compiles all that a daemon loads, so that it lies in Node's compile cache when the launcher starts the daemon: one that
 * finds its code there never loads the stripper of types, 15 to 25 MB for as long as it lives. The cache is written when
 * this process ends, and not by a daemon that is killed. Run with `--version`, which is what `trama.ts` then does.
 */
import { agentModules, serverModules, sqliteStore } from './daemon-modules.ts';

await Promise.all([import('./daemons.ts'), serverModules(), agentModules(), sqliteStore()]);
await import('./trama.ts');

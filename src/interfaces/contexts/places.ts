/** Where contexts are kept. Imports nothing: it is looked at before anything else is loaded. */

/** `$XDG_CONFIG_HOME/trama`, or `~/.config/trama`; undefined without a home. */
export function directoryOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (env.XDG_CONFIG_HOME?.startsWith('/')) return `${env.XDG_CONFIG_HOME}/trama`;
  return env.HOME ? `${env.HOME}/.config/trama` : undefined;
}

/** It names the context that is used; there when one was chosen. */
export const currentFile = (directory: string): string => `${directory}/context`;

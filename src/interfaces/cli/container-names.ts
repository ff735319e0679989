import type { Session } from './session.ts';

/** Ids as `run -d` and `ps -q` print them, or as docker shows them, shortened or not. */
const looksLikeId = /^[0-9a-f]{12,64}$/;

/** Names of the containers that people named, perhaps by id. A word that is nobody's id stays: it is a name. */
export async function containerNames(session: Session, words: readonly string[]): Promise<string[]> {
  if (!words.some((word) => looksLikeId.test(word))) return [...words];
  const containers = await session.ask('workload.list', {});
  return words.map((word) => {
    if (!looksLikeId.test(word) || containers.some((one) => one.name === word)) return word;
    const found = containers.find((one) => one.id === word || one.containerId.startsWith(word));
    if (found === undefined) return word;
    // Containers of several nodes may be called what that is.
    return found.managed ? found.name : `${found.node}/${found.name}`;
  });
}

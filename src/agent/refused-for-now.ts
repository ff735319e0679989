import { isForNow } from '../domain/domain.ts';
import type { NetworkPlugin } from './plugin-port.ts';

/** @param refused is told of each call that fails for a reason that passes: an engine may have given up a start for it. */
export function tellingOfRefusals(plugin: NetworkPlugin, refused: () => void): NetworkPlugin {
  return new Proxy(plugin, {
    get: (target, name: keyof NetworkPlugin) => async (request: never) => {
      try {
        return await target[name](request);
      } catch (error) {
        if (isForNow(error)) refused();
        throw error;
      }
    },
  });
}

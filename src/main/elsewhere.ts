/** What is needed for clusters elsewhere, loaded only then. */
import { randomBytes } from 'node:crypto';
import { keysFromSecret } from '../bus/keys.ts';
import type { ContextStore, NewUserKey, StoredContext } from '../interfaces/interfaces.ts';
import { silentLog } from '../platform/log.ts';
import type { ContextApi } from './context-api.ts';

export async function openContext(context: StoredContext, contexts: ContextStore): Promise<ContextApi> {
  const [{ createZeroMqBus }, { ContextApi }] = await Promise.all([
    import('../bus/zeromq/zeromq.ts'),
    import('./context-api.ts'),
  ]);
  return ContextApi.open(createZeroMqBus({ log: silentLog }), context, contexts);
}

/** The secret half is made here, and no server ever has it. */
export function newUserKey(): NewUserKey {
  const secret = randomBytes(32);
  return { secret, publicKey: keysFromSecret(secret.toString('base64url'), 'user').publicKey };
}

import { Failure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import type { ByteStream } from '../../protocol/protocol.ts';
import type { Peer, RequestHandler } from '../bus.ts';
import type { Answers } from './answers.ts';
import type { Answering } from './conversation.ts';
import { decodeJson, encodeJson } from './wire.ts';

/** Lets `handler` answer what `peer` asks: each request id once. */
export function answeringFor(peer: Peer, handler: RequestHandler, answers: Answers, clock: Clock): Answering {
  return {
    async call(id, method, params, left) {
      const deadline = clock.now() + left;
      const run = async () => encodeJson(await handler.call(method, parse(method, params), { peer, deadline, id }));
      return await answers.once(peer.key, id, run, !(handler.repeatable?.(method) ?? false));
    },
    async open(method, params, left): Promise<ByteStream> {
      return await handler.open(method, parse(method, params), { peer, deadline: clock.now() + left });
    },
  };
}

/** Of a client that was given no handler. */
export const answersNothing: RequestHandler = {
  call: (method) => Promise.reject(new Failure('not-found', `This client answers nothing, so not ${method}.`)),
  open: (method) => Promise.reject(new Failure('not-found', `This client answers nothing, so not ${method}.`)),
};

function parse(method: string, params: Uint8Array): unknown {
  try {
    return decodeJson(params);
  } catch (error) {
    throw new Failure('invalid', `The parameters of ${method} are no JSON.`, { cause: error });
  }
}

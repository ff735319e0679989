/** Join tokens: a right to join, used up after a number of hosts, gone after a time. */
import { createHash } from 'node:crypto';
import { encodeBase64Url, Failure, formatToken, quoted } from '../domain/domain.ts';
import type { TokenView } from '../protocol/protocol.ts';
import { change } from './change.ts';
import type { Methods } from './context.ts';
import { allOf, tokenKey } from './keys.ts';
import { absent, put, readAll, remove, type StoredToken, unchanged } from './records.ts';

const mostUses = 100_000;
const shortestMs = 1000;
const longestMs = 365 * 24 * 60 * 60 * 1000;

export const tokenMethods: Methods<'token.create' | 'token.list' | 'token.remove'> = {
  'token.create': async (context, { uses, ttlMs }, call) => {
    if (!Number.isInteger(uses) || uses < 1 || uses > mostUses) {
      throw new Failure('invalid', `a token cannot have ${uses} uses: give it 1 to ${mostUses}`);
    }
    if (!Number.isInteger(ttlMs) || ttlMs < shortestMs || ttlMs > longestMs) {
      throw new Failure('invalid', `a token cannot be valid for ${ttlMs / 1000} s: give it one second to 365 days`);
    }
    const make = async () => {
      const secret = context.random.bytes(32);
      const { publicKey: key } = context.keysFromSecret(encodeBase64Url(secret));
      const createdAt = context.clock.now();
      const record: StoredToken = { key, uses, usesLeft: uses, createdAt, expiresAt: createdAt + ttlMs };
      return {
        conditions: [absent(tokenKey(key))],
        writes: [put(tokenKey(key), record)],
        result: formatToken({ serverKey: context.keys.publicKey, secret }),
      };
    };
    const { result, revision } = await change(context, 'the token', make, context.requests.of(call));
    // Whoever gets the token may use it at once, and the gatekeeper has to know it then.
    await context.follow.reached(revision);
    return { token: result };
  },

  'token.list': async ({ store, clock }) => {
    const tokens = await readAll<StoredToken>(store, allOf('tokens'));
    return tokens
      .map(({ value }) => tokenView(value, clock.now()))
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  },

  'token.remove': async (context, { id }, call) => {
    const plan = async () => {
      const tokens = await readAll<StoredToken>(context.store, allOf('tokens'));
      const token = tokens.find(({ value }) => idOf(value) === id);
      if (token === undefined) {
        throw new Failure('not-found', `there is no token ${quoted(id)}: \`trama token ls\` shows those there are`);
      }
      return { conditions: [unchanged(token)], writes: [remove(token.key)], result: {} };
    };
    const { revision } = await change(context, `token ${id}`, plan, context.requests.of(call));
    // From then on this server lets nobody in with it.
    await context.follow.reached(revision);
    return {};
  },
};

/** Of the public key, which a token alone does not show: who has seen a list knows no token by it. */
const idOf = ({ key }: StoredToken): string => createHash('sha256').update(key).digest('hex').slice(0, 12);

function tokenView(token: StoredToken, now: number): TokenView {
  const { uses, usesLeft, createdAt, expiresAt } = token;
  const status = usesLeft < 1 ? 'used up' : now >= expiresAt ? 'expired' : 'valid';
  return { id: idOf(token), uses, usesLeft, createdAt, expiresAt, status };
}

/** The token with one use less. @throws Failure `denied` that says why it cannot be used. */
export function spend(token: StoredToken | undefined, now: number): StoredToken {
  const again = 'make another with `trama token create`';
  if (token === undefined) throw new Failure('denied', `this join token is not known here: ${again}`);
  if (token.usesLeft < 1) {
    const who = token.uses === 1 ? 'one host has' : `${token.uses} hosts have`;
    throw new Failure('denied', `this join token is used up: ${who} joined with it; ${again}`);
  }
  if (now >= token.expiresAt) {
    throw new Failure('denied', `this join token expired at ${new Date(token.expiresAt).toISOString()}: ${again}`);
  }
  const usesLeft = token.usesLeft - 1;
  return { ...token, usesLeft, ...(usesLeft === 0 ? { spentAt: now } : {}) };
}

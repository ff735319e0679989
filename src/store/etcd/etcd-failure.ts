/** What an error of etcd means to whoever asked. Its texts: `api/v3rpc/rpctypes/error.go`. */
import { Failure, type FailureCode } from '../../domain/domain.ts';
import { type GrpcError, grpcCodes } from './grpc.ts';

/** By what the error's text holds; the first that fits. */
const meanings: readonly (readonly [text: string, code: FailureCode, sentence: string])[] = [
  ['requested lease not found', 'not-found', 'has no such lease: it has expired or was revoked, so grant a new one'],
  ['lease already exists', 'conflict', 'has that lease already: try again'],
  [
    'database space exceeded',
    'exhausted',
    'is full and takes deletions only: give its members a larger --quota-backend-bytes or make room ' +
      '(`etcdctl compact`, then `etcdctl defrag` on each member), then `etcdctl alarm disarm`',
  ],
  ['too many requests', 'overloaded', 'has more to do than it can: try again'],
  ['future revision', 'invalid', 'is not at that revision yet: name one that was'],
  ['required revision has been compacted', 'conflict', 'has forgotten what it was asked for: ask again'],
  ['request is too large', 'invalid', 'takes no request of that size: store less, or raise its --max-request-bytes'],
  ['too many operations', 'invalid', 'takes fewer operations at once: set its --max-txn-ops to 128 at least'],
  [
    'invalid user ID or password',
    'denied',
    'knows no such user or another password: correct the user and the password file',
  ],
  ['permission denied', 'denied', 'does not allow it: name a user that may read and write all keys of the prefix'],
  [
    'user name is empty',
    'denied',
    'wants to know who asks: name a user that may read and write all keys of the prefix',
  ],
  ['authentication is not enabled', 'invalid', 'has no users: enable its authentication, or name no user'],
];

/** @param where the members, for the sentence. */
export function etcdFailure(where: string, error: GrpcError, writes: boolean): Failure {
  const store = `The store (etcd at ${where})`;
  for (const [text, code, sentence] of meanings) {
    if (error.message.includes(text)) return new Failure(code, `${store} ${sentence}.`, { cause: error });
  }
  if (isTransient(error)) {
    const doubt = writes && error.sent ? '; what was to be written may be there or not' : '';
    const message = `${store} does not answer: see that a majority of its members runs and can be reached${doubt} (${error.message}).`;
    return new Failure('unavailable', message, { cause: error });
  }
  return new Failure('internal', `${store} failed: ${error.message}.`, { cause: error });
}

/** Said by a member that is about to end, or by its raft; without a code of their own. */
const passing = ['raft proposal dropped', 'raft: stopped', 'context canceled', 'context deadline exceeded'];

/** Another member, or the same one later, may answer. */
export function isTransient(error: GrpcError): boolean {
  if (error.code === grpcCodes.unavailable || error.code === grpcCodes.deadlineExceeded) return true;
  return passing.some((text) => error.message.includes(text));
}

/** The member has certainly not begun to do it, so that it can be asked again. */
export function wasNotTried(error: GrpcError): boolean {
  // The one is said before a call is looked at, because each carries `hasleader`; the other by the raft of the member
  // that was asked, while the leader hands over.
  return !error.sent || error.message === 'etcdserver: no leader' || error.message === 'raft proposal dropped';
}

/** Our token is one of before: of before a member's restart, or a change of users. Nothing was done. */
export function isStaleToken(error: GrpcError): boolean {
  return error.message.includes('invalid auth token') || error.message.includes('revision of auth store is old');
}

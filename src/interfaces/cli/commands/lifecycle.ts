/** What `start`, `stop`, `rm` and `run` do to one container. */
import { Failure } from '../../../domain/errors.ts';
import { type Followed, follow } from '../follow.ts';
import type { Session } from '../session.ts';
import { clause } from '../text.ts';

/** What a node may need beyond the grace that the container has. Milliseconds. */
const stopSlackMs = 30_000;

const startWithinMs = 120_000;

/** A node that answers removes within this, unless its engine is stuck. Milliseconds. */
const removeWithinMs = 60_000;

/** Resolves when it runs, or has run. @throws Failure with what went wrong on its node. */
export async function startOne(session: Session, name: string): Promise<void> {
  const asked = await session.ask('workload.start', { name }, { deadlineMs: startWithinMs });
  // What somebody started with docker is the engine's: it was asked, and has answered.
  if (!asked.managed) return;
  const started = await follow(session, asked, {
    until: (one) => one !== null && ['running', 'exited', 'failed', 'unknown'].includes(one.status),
    withinMs: startWithinMs,
    late: `${name} has not started within ${startWithinMs / 1000} s, and its node goes on trying: see \`trama inspect ${name}\``,
  });
  if (started?.status === 'failed')
    throw new Failure('internal', `${name} cannot be started: ${clause(started.message)}`);
  if (started?.status === 'unknown') await session.note(`${name} will start when its node ${started.node} is back`);
}

/** Resolves when it has ended. @param graceSeconds until it is killed. */
export async function stopOne(session: Session, which: Followed, graceSeconds: number): Promise<void> {
  const { name } = which;
  const deadlineMs = graceSeconds * 1000 + stopSlackMs;
  const asked = await session.ask('workload.stop', { ...which, graceSeconds }, { deadlineMs });
  if (!asked.managed) return;
  const stopped = await follow(session, asked, {
    until: (one) => one !== null && ['exited', 'failed', 'unknown'].includes(one.status),
    withinMs: deadlineMs,
    late: `${name} has not ended, and its node goes on trying: see \`trama inspect ${name}\``,
  });
  if (stopped?.status === 'unknown')
    await session.note(`${name} will be stopped when its node ${stopped.node} is back`);
}

/** Resolves when it is gone from its node; a node that is down removes it when it is back. */
export async function removeOne(session: Session, which: Followed, force: boolean): Promise<void> {
  const { name } = which;
  const { removing } = await session.ask('workload.remove', { ...which, force }, { deadlineMs: removeWithinMs });
  const left = await follow(session, removing ?? which, {
    until: (container) => container === null || container.status === 'unknown' || container.status === 'failed',
    withinMs: removeWithinMs,
    late: `${name} is not gone after ${removeWithinMs / 1000} s, and its node goes on trying: see \`trama inspect ${name}\``,
  });
  if (left?.status === 'failed') {
    throw new Failure(
      'unavailable',
      `${name} cannot be removed yet, and its node goes on trying: ${clause(left.message)}`,
    );
  }
  if (left !== null) await session.note(`${name} will be gone when its node ${left.node} is back`);
}

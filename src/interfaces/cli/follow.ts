/** Follows a workload until it is as one wants it. */
import { Failure, isFailure } from '../../domain/errors.ts';
import type { Result } from '../../protocol/methods.ts';
import type { ContainerView } from '../../protocol/views.ts';
import type { Session } from './session.ts';

/** How long one question may wait for a change. Milliseconds. */
const waitMs = 20_000;

/** A server that is being restarted is waited for this long. Milliseconds. */
const patienceMs = 30_000;

export interface Following {
  /** Says when it is enough. Null: the workload is gone. */
  readonly until: (container: ContainerView | null) => boolean;
  readonly onChange?: (container: ContainerView) => Promise<void>;
  /** Milliseconds in all; absent: as long as it takes. */
  readonly withinMs?: number;
  /** What to say when that is over. */
  readonly late?: string;
  readonly signal?: AbortSignal;
}

/** A container that is followed; with an id, that workload and nobody else's container of its name. */
export interface Followed {
  readonly name: string;
  readonly id?: string;
}

/** @returns the workload as it was then; null when it is gone. @throws Failure `deadline`, or the signal's reason. */
export async function follow(session: Session, which: Followed, following: Following): Promise<ContainerView | null> {
  const { io } = session;
  const { name } = which;
  const end = following.withinMs === undefined ? Number.POSITIVE_INFINITY : io.now() + following.withinMs;
  let since = 0;
  for (;;) {
    following.signal?.throwIfAborted();
    const seen = await patiently(session, () => next(session, which, since, Math.min(waitMs, end - io.now())));
    since = seen.since;
    const container = seen.gone ? null : seen.container;
    following.signal?.throwIfAborted();
    if (container !== null) await following.onChange?.(container);
    if ((container !== null || seen.gone) && following.until(container)) return container;
    if (seen.gone) throw new Failure('not-found', `${name} was removed meanwhile`);
    if (io.now() >= end)
      throw new Failure('deadline', following.late ?? `${name} takes too long: see \`trama inspect ${name}\``);
  }
}

async function next(
  session: Session,
  { name, id }: Followed,
  since: number,
  ms: number,
): Promise<Result<'workload.wait'>> {
  try {
    const wait = Math.max(0, Math.floor(ms));
    return await session.ask('workload.wait', { name, id, since, waitMs: wait }, { deadlineMs: wait + 10_000 });
  } catch (error) {
    if (isFailure(error, 'not-found')) return { since, gone: true, container: null };
    throw error;
  }
}

async function patiently<T>(session: Session, act: () => Promise<T>): Promise<T> {
  const end = session.io.now() + patienceMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const passing = isFailure(error, 'unavailable') || isFailure(error, 'deadline') || isFailure(error, 'overloaded');
      if (!passing || session.io.now() >= end) throw error;
      await session.io.sleep(500);
    }
  }
}

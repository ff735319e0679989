/** Does what a plan says. What fails keeps only those back that wait for it. */
import { Failure } from '../../../domain/errors.ts';
import { removeOne, startOne } from '../commands/lifecycle.ts';
import { follow } from '../follow.ts';
import type { Session } from '../session.ts';
import { clause } from '../text.ts';
import { type Change, isWork } from './plan.ts';
import type { Wanted, WantedContainer, WantedNetwork } from './wanted.ts';

/** An image may have to come a long way first. Milliseconds. */
const startWithinMs = 3_600_000;

/** Each thing that is done is said on a line of its own. @returns whether all of it was done; what was not, is told */
export async function carryOut(session: Session, wanted: Wanted, plan: readonly Change[]): Promise<boolean> {
  const work = new Map(plan.filter(isWork).map((change) => [`${change.kind} ${change.name}`, change]));
  let done = true;
  const attempt = async (what: string, done: string, act: () => Promise<void>): Promise<void> => {
    try {
      await act();
      await session.print(`${what} ${done}`);
    } catch (error) {
      await session.complain(error);
      throw new Failure('unavailable', `${what} could not be made`, { cause: error });
    }
  };
  const settled = async (acts: readonly Promise<void>[]) => {
    const outcomes = await Promise.allSettled(acts);
    if (outcomes.some(({ status }) => status === 'rejected')) done = false;
  };
  const removed = plan.filter(({ act }) => act === 'remove');
  await settled(
    removed.map(({ name }) => attempt(`container ${name}`, 'removed', () => removeOne(session, { name }, true))),
  );
  const networks = wanted.networks.filter(({ name }) => work.has(`network ${name}`));
  await settled(networks.map((each) => attempt(`network ${each.name}`, 'created', () => createNetwork(session, each))));
  if (!done) return false;
  const made = new Map<string, Promise<void>>();
  for (const container of inOrder(wanted.containers)) {
    const { name, after } = container;
    const change = work.get(`container ${name}`);
    const before = after.map((other) => made.get(other));
    const ready = Promise.all(before).catch((cause: unknown) => {
      const held = new Failure('unavailable', `container ${name} was not started: what it depends on is not there`, {
        cause,
      });
      return session.complain(held).then(() => Promise.reject(held));
    });
    const how = { create: 'created', replace: 'replaced', start: 'started' }[change?.act as string];
    const act = () =>
      attempt(`container ${name}`, how ?? '', () => makeContainer(session, container, change as Change));
    made.set(name, how === undefined ? ready.then(() => {}) : ready.then(act));
  }
  await settled([...made.values()]);
  return done;
}

/** Those that others wait for first; there are no circles. */
function inOrder(containers: readonly WantedContainer[]): WantedContainer[] {
  const byName = new Map(containers.map((each) => [each.name, each]));
  const ordered = new Set<WantedContainer>();
  const visit = (each: WantedContainer): void => {
    for (const other of each.after) {
      const before = byName.get(other);
      if (before !== undefined && !ordered.has(before)) visit(before);
    }
    ordered.add(each);
  };
  for (const each of containers) visit(each);
  return [...ordered];
}

async function createNetwork(session: Session, { external: _, ...network }: WantedNetwork): Promise<void> {
  await session.ask('network.create', { ...network, options: { ...network.options }, dryRun: false });
}

async function makeContainer(session: Session, { name, run }: WantedContainer, { act }: Change): Promise<void> {
  if (act === 'start') return startOne(session, name);
  if (act === 'replace') await removeOne(session, { name }, true);
  const { id } = await session.ask('workload.run', run);
  let said = '';
  const made = await follow(
    session,
    { name, id },
    {
      until: (one) => one !== null && ['running', 'exited', 'failed'].includes(one.status),
      onChange: async ({ message }) => {
        if (message !== '' && message !== said) await session.note(`${name}: ${message}`);
        said = message;
      },
      withinMs: startWithinMs,
    },
  );
  if (made?.status === 'failed') throw new Failure('internal', `${name} cannot run: ${clause(made.message)}`);
}

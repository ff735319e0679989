/** `run`. */
import type { Command } from 'commander';
import { Failure, isFailure } from '../../../domain/errors.ts';
import { checkImage, parseImageReference } from '../../../domain/image.ts';
import { splitJoined } from '../../../domain/network-mode.ts';
import type { ByteStream } from '../../../protocol/api.ts';
import type { ContainerView } from '../../../protocol/views.ts';
import { carry } from '../carry.ts';
import { containerNames } from '../container-names.ts';
import { define, run } from '../define.ts';
import { type Followed, follow } from '../follow.ts';
import { exitCodeOf, lost } from '../in-container.ts';
import { loginHere } from '../registry-login.ts';
import { addRunFlags, type RunFlags, workloadOf } from '../run-flags.ts';
import { Interrupted, type Session } from '../session.ts';
import { clause } from '../text.ts';
import { UsageError, usage } from '../usage.ts';
import { removeOne, stopOne } from './lifecycle.ts';

const made = ['running', 'exited', 'failed'];

/** It begins when the container is made, after its image has been pulled. Milliseconds. */
const attachWithinMs = 86_400_000;

export function runCommand(program: Command, session: Session): void {
  addRunFlags(
    define(program, 'run', 'Run a container on a host of the cluster', [
      'run -d --name web --network app nginx',
      'run --rm -it --network app alpine sh',
      'run --rm --network container:web --pid container:web alpine ps',
      'run -d --node h2 --network app --ip 10.42.0.9 -e MODE=test app:2 serve --port 80',
    ]).passThroughOptions(),
    session.io.env,
  )
    .argument('<IMAGE>', 'what to run; pulled when the node has it not', usage(checkImage))
    .argument('[COMMAND...]', "instead of the image's own command, with its own options")
    .action(
      run(session, async (image: string, command: string[], flags: RunFlags) => {
        const { name, id } = await session.ask('workload.run', await askedOf(session, image, command, flags));
        const started = new Start(session, { name, id });
        return flags.detach ? started.detached() : started.attached(flags);
      }),
    );
}

/** @throws UsageError, Failure `denied` without a login for the registry */
async function askedOf(session: Session, image: string, command: string[], flags: RunFlags) {
  const asked = workloadOf(image, command, flags);
  for (const mode of [asked.spec.networkMode, asked.spec.pid]) {
    if (typeof mode !== 'object') continue;
    const [found = mode.container] = await containerNames(session, [mode.container]);
    const { node, name } = splitJoined(found);
    if (node !== undefined && node !== (asked.node ?? node)) {
      throw new UsageError(`container ${found} is not on node ${asked.node}, and who joins it is where it is`);
    }
    mode.container = name;
    if (node !== undefined) asked.node = node;
  }
  if (!flags.registryAuth) return asked;
  return { ...asked, registryAuth: await loginHere(session, parseImageReference(image).registry) };
}

/** A container that was just asked for. What cannot start leaves nothing, as with docker. */
class Start {
  readonly #session: Session;
  readonly #name: string;
  /** By its id: what else has its name is somebody's own. */
  readonly #workload: Required<Followed>;
  #said = '';

  constructor(session: Session, workload: Required<Followed>) {
    this.#session = session;
    this.#name = workload.name;
    this.#workload = workload;
  }

  /** Prints the id once it runs (or has run). */
  async detached(): Promise<number> {
    await this.#made();
    await this.#session.print(this.#workload.id);
    return 0;
  }

  /** Joins its streams from its first byte on. @returns its exit code. */
  async attached(flags: RunFlags): Promise<number> {
    const signals = new Signals(this.#session, this.#workload);
    try {
      const code = await this.#joined(flags, signals);
      // Its node does it too, in a while: whoever looked on finds it gone at once.
      if (flags.rm) await removeOne(this.#session, this.#workload, true).catch(unlessGone);
      return code;
    } catch (error) {
      if (error instanceof Interrupted && !signals.running) await removeOne(this.#session, this.#workload, true);
      throw error;
    } finally {
      signals.undo();
    }
  }

  async #joined({ interactive = false, tty = false }: RunFlags, signals: Signals): Promise<number> {
    const settled = new AbortController();
    const start = this.#made(AbortSignal.any([signals.left, settled.signal])).then(() => signals.started());
    // Whoever awaits later hears of it; until then it is no unhandled rejection.
    start.catch(() => {});
    try {
      const attach = this.#session.open(
        'workload.attach',
        { name: this.#name, stdin: interactive },
        { deadlineMs: attachWithinMs },
      );
      const stream = await orFailed(attach, start, signals.left);
      signals.left.addEventListener('abort', () => stream.reset(signals.left.reason));
      start.catch((error) => stream.reset(error));
      const onProgress = (message: string) => this.#say(message);
      const carried = { input: interactive, tty, ready: start, onProgress };
      const result = await carry(this.#session, stream, carried).catch((error) => {
        throw lost(this.#name, error);
      });
      // The engine ends the streams of a container that cannot start too, and earlier than its node has told why.
      await start;
      return exitCodeOf(result);
    } finally {
      settled.abort(new Interrupted(''));
    }
  }

  /** Resolves when it runs or has run. @throws Failure with what went wrong; it is removed then. */
  async #made(signal?: AbortSignal): Promise<void> {
    const container = await follow(this.#session, this.#workload, {
      until: (one) => one !== null && made.includes(one.status),
      onChange: (one) => this.#progress(one),
      ...(signal ? { signal } : {}),
    });
    if (container?.status !== 'failed') return;
    await removeOne(this.#session, this.#workload, true).catch(async (error) => {
      if (!isFailure(error, 'not-found')) await this.#session.complain(error);
    });
    throw new Failure('internal', `${this.#name} cannot run: ${clause(container.message)}`);
  }

  async #progress({ status, message, node }: ContainerView): Promise<void> {
    if (made.includes(status)) return;
    await this.#say(message === '' ? `${status} on ${node}` : message);
  }

  async #say(message: string): Promise<void> {
    if (message === '' || message === this.#said) return;
    this.#said = message;
    await this.#session.note(`${this.#name}: ${message}`);
  }
}

function unlessGone(error: unknown): void {
  if (!isFailure(error, 'not-found')) throw error;
}

/** An attach may be refused because the start failed: then the start's sentence is the one to tell. */
async function orFailed(attach: Promise<ByteStream>, start: Promise<unknown>, left: AbortSignal): Promise<ByteStream> {
  const leaving = new Promise<never>((_, reject) => left.addEventListener('abort', () => reject(left.reason)));
  try {
    return await Promise.race([attach, leaving, start.then(() => attach)]);
  } catch (error) {
    if (isFailure(error, 'not-found')) await start;
    throw error;
  }
}

/** The first Ctrl-C (or SIGTERM) stops the container; the second leaves it. Before it runs, the first one leaves. */
class Signals {
  running = false;
  readonly #left = new AbortController();
  readonly #undo: (() => void)[];
  #stopping = false;

  constructor(session: Session, workload: Followed) {
    const act = () => this.#act(session, workload);
    this.#undo = [session.io.onSignal('SIGINT', act), session.io.onSignal('SIGTERM', act)];
  }

  /** Aborts when we are to go. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  started(): void {
    this.running = true;
  }

  undo(): void {
    for (const one of this.#undo) one();
  }

  #act(session: Session, workload: Followed): void {
    const { name } = workload;
    if (!this.running) this.#left.abort(new Interrupted(''));
    else if (this.#stopping) this.#left.abort(new Interrupted(`left ${name}: see \`trama ps\``));
    else {
      this.#stopping = true;
      void session.note(`stopping ${name}; press Ctrl-C again to leave it`);
      stopOne(session, workload, 10).catch(async (error) => {
        // Gone is stopped: with --rm we remove it ourselves as soon as its streams end.
        if (!isFailure(error, 'not-found')) await session.complain(error);
      });
    }
  }
}

/**
 * Tools in the network and process namespaces of a container, which need not have a shell: from an image, as a container
 * that lives as long as somebody looks, or the host's own.
 */
import { Failure, toFailure } from '../domain/domain.ts';
import { type Clock, childrenOf, type Log, type Piped, type Spawn, terminalOf } from '../platform/platform.ts';
import { type ByteStream, channels, relay, streamPair, withResult, writeControl } from '../protocol/protocol.ts';
import type { ContainerInfo, ContainerRuntime, ContainerSpec } from '../runtimes/runtimes.ts';
import { serveProcess } from './process-stream.ts';

/** On containers of tools; the value is the container that they look into. */
const debugLabel = 'trama.debug';

export interface DebugOptions {
  readonly node: string;
  readonly runtime: ContainerRuntime;
  /** A container on this node, by a workload's name or the engine's. @throws Failure */
  find(name: string): Promise<ContainerInfo>;
  converse(argv: [string, ...string[]], env: Readonly<Record<string, string>>): Piped;
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Debugged {
  readonly name: string;
  readonly image?: string | undefined;
  /** Empty: the image's own, or a shell of the host's. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly env: readonly string[];
}

interface Refusal {
  readonly exitCode: number;
  readonly error: string;
}

/** What `ip`, `tcpdump` and `strace` need beyond what an engine gives. */
const capabilities = ['NET_ADMIN', 'SYS_PTRACE'];

const hostShell = ['sh', '-c', 'if command -v bash >/dev/null; then exec bash; else exec sh; fi'] as const;

/** Ends with 127 when there is no such program, with 126 when it is none. */
const findProgram = `case $1 in
  */*) [ -e "$1" ] || exit 127; [ -f "$1" ] && [ -x "$1" ] || exit 126 ;;
  *) command -v -- "$1" >/dev/null || exit 127 ;;
esac`;

export class Debug {
  readonly #options: DebugOptions;
  /** Containers of sessions that go on. */
  readonly #live = new Set<string>();
  #count = 0;

  constructor(options: DebugOptions) {
    this.#options = options;
  }

  /** Ends with `{exitCode}`. @throws Failure */
  async open(asked: Debugged): Promise<ByteStream> {
    const target = await this.#options.find(asked.name);
    if (target.state !== 'running' && target.state !== 'paused') {
      throw new Failure(
        'conflict',
        `container ${asked.name} is not running: there is nothing to look into, start it first`,
      );
    }
    if (asked.image === undefined) return this.#hostTools(target, asked);
    const [client, own] = streamPair();
    void this.#fromImage(target, asked, asked.image, own);
    return client;
  }

  /** Removes what an agent that was killed has left behind. */
  async sweep(): Promise<void> {
    const { runtime, node } = this.#options;
    for (const container of await runtime.list({ 'trama.node': node })) {
      if (debugLabel in container.labels && !this.#live.has(container.name)) await runtime.remove(container.id);
    }
  }

  async #fromImage(target: ContainerInfo, asked: Debugged, image: string, own: ByteStream): Promise<void> {
    const { runtime, log } = this.#options;
    const left = new AbortController();
    own.result.catch((error) => left.abort(error));
    const progress = (message: string) => {
      own.send(channels.control, writeControl({ type: 'progress', message })).catch(() => {});
    };
    const name = this.#nameFor(target);
    this.#live.add(name);
    try {
      await runtime.ensureImage(image, progress, left.signal).catch((error) => {
        throw takenForImage(image, error);
      });
      left.signal.throwIfAborted();
      const labels = { [debugLabel]: target.name, 'trama.node': this.#options.node };
      const id = await runtime.create(name, specOf(target, asked, image), labels, (network) => network);
      const remove = () =>
        runtime
          .remove(id)
          .catch((error: unknown) => log.warn('a container of tools stays', { container: name, error }));
      await this.#joined(id, asked, own, left.signal, remove);
    } catch (error) {
      own.reset(toFailure(error));
    } finally {
      this.#live.delete(name);
    }
  }

  /** Attaches, starts, and carries until either side ends; whoever hears the end finds the container gone. */
  async #joined(
    id: string,
    { stdin, tty }: Debugged,
    own: ByteStream,
    left: AbortSignal,
    remove: () => Promise<void>,
  ): Promise<void> {
    const { runtime } = this.#options;
    try {
      left.throwIfAborted();
      const stream = await runtime.attach(id, { stdin, tty });
      try {
        await runtime.start(id);
      } catch (error) {
        stream.reset(toFailure(error));
        throw error;
      }
      await relay(own, endingAfter(stream, remove));
    } finally {
      await remove();
    }
  }

  #nameFor({ name }: ContainerInfo): string {
    this.#count += 1;
    return `${name.slice(0, 40)}-debug-${this.#options.clock.now().toString(36)}-${this.#count}`;
  }

  async #hostTools(target: ContainerInfo, asked: Debugged): Promise<ByteStream> {
    const { converse, runtime, clock, node } = this.#options;
    const { pid } = await runtime.inspect(target.id);
    if (pid === undefined) throw new Failure('conflict', `container ${asked.name} has just ended: start it first`);
    const refused = await this.#refusalOf(asked);
    if (refused !== undefined) return endedWith(refused);
    const inside = enter(pid, asked.command.length === 0 ? hostShell : asked.command);
    const argv = asked.tty ? onTerminal(inside) : inside;
    const env = { ...environment(asked.env), ...(asked.tty ? { SHELL: '/bin/sh' } : {}) };
    const child = converse(argv, env);
    const missing = `${argv[0]} is not installed on node ${node}: install util-linux there, or name an image with tools`;
    return serveProcess(child, {
      clock,
      stdin: asked.stdin,
      resize: (columns, rows) => this.#resize(child.pid, columns, rows),
      finish: (code) => {
        if (code < 0) throw new Failure('unavailable', missing);
        return { exitCode: code };
      },
    });
  }

  /** What `unshare` would say in its own words; what a command that cannot be run ends with, as that of `exec` does. */
  async #refusalOf({ command: [program], env }: Debugged): Promise<Refusal | undefined> {
    if (program === undefined) return undefined;
    const { spawn, node } = this.#options;
    const { code } = await spawn({ argv: ['sh', '-c', findProgram, 'sh', program], env: environment(env) });
    if (code === 127) {
      const what = `node ${node} has no executable ${program}: check the command, or name an image with tools`;
      return { exitCode: 127, error: what };
    }
    if (code !== 126) return undefined;
    return { exitCode: 126, error: `${program} cannot be run on node ${node}: it is no executable` };
  }

  /** The terminal is that of script's child, which may not be there yet. */
  async #resize(script: number, columns: number, rows: number): Promise<void> {
    const { spawn, clock, log } = this.#options;
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      const [child] = await childrenOf(script);
      const terminal = child === undefined ? undefined : await terminalOf(child);
      if (terminal !== undefined) {
        const argv = ['stty', '-F', terminal, 'rows', `${rows}`, 'cols', `${columns}`] as const;
        const { code, stderr } = await spawn({ argv });
        if (code !== 0) log.debug('a terminal could not be resized', { terminal, stderr });
        return;
      }
      await clock.sleep(20 * attempt);
    }
  }
}

function specOf(target: ContainerInfo, { command, env, tty, stdin }: Debugged, image: string): ContainerSpec {
  const joined = { container: target.id };
  const { networks, ports, labels } = { networks: [], ports: [], labels: {} };
  const whose = { networkMode: joined, pid: joined };
  return { image, command, env, networks, ports, labels, restart: 'no', tty, stdin, capabilities, ...whose };
}

/** A word like `ip` may be a command that somebody wrote where an image is expected. */
function takenForImage(image: string, error: unknown): Failure {
  const failure = toFailure(error);
  if (/[/:.]/.test(image)) return failure;
  const hint = `to run ${image} of the host, write --host-tools before it`;
  return new Failure(failure.code, `${failure.message.replace(/\.$/, '')}; ${hint}`, { cause: error });
}

function endedWith(refusal: Refusal): ByteStream {
  const [client, own] = streamPair();
  own.end(refusal);
  return client;
}

/** Mounts of its own, in which /proc is that of the container's processes: nsenter(1), unshare(1). */
function enter(pid: number, command: readonly string[]): [string, ...string[]] {
  const namespaces = [`--net=/proc/${pid}/ns/net`, `--pid=/proc/${pid}/ns/pid`];
  return ['nsenter', ...namespaces, '--', 'unshare', '--mount-proc', '--', ...command];
}

/** With a terminal, which script(1) makes; it takes a command for a shell only. */
function onTerminal(argv: readonly string[]): [string, ...string[]] {
  const quoted = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return ['script', '--quiet', '--return', '--echo', 'always', '--command', `exec ${quoted}`, '/dev/null'];
}

function environment(assignments: readonly string[]): Record<string, string> {
  const pairs = assignments.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]);
  return Object.fromEntries(pairs);
}

/** A stream whose end is told when `then` is over. */
function endingAfter(stream: ByteStream, then: () => Promise<void>): ByteStream {
  const result = (async () => {
    try {
      return await stream.result;
    } finally {
      await then();
    }
  })();
  return withResult(stream, result);
}

/** Logs, exec and attach: conversations with containers as ByteStreams. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Failure } from '../../domain/domain.ts';
import { groupOf, type Log, signalProcess } from '../../platform/platform.ts';
import { type ByteStream, channels, writeControl } from '../../protocol/protocol.ts';
import type { ContainerRuntime } from '../runtimes.ts';
import { shortId } from './container-info.ts';
import type { Engine } from './engine.ts';
import { execRefusal, mayBeRefusal } from './exec-refusal.ts';
import { engineTime, LogPositions } from './log-positions.ts';
import { type Signal, serveOutput, serveSession } from './serve-stream.ts';

interface Context {
  readonly engine: Engine;
  readonly log: Log;
  readonly explain: (error: unknown) => Failure;
}

type Sessions = Pick<ContainerRuntime, 'logs' | 'exec' | 'attach'>;

const created = z.object({ Id: z.string() });
const container = z.object({ Config: z.object({ Tty: z.boolean() }), State: z.object({ Status: z.string() }) });
/** `Pid` is 0 of a command that could not be started. */
const execState = z.object({ Running: z.boolean(), ExitCode: z.number().nullish(), Pid: z.number().nullish() });
const waited = z.object({ StatusCode: z.number() });

/** With a terminal the engine ends the stream of a process that goes on when the user types ctrl-p ctrl-q. */
const detached = { exitCode: 0, detached: true };
const detachAfterMs = 1000;

interface ExecEnd {
  readonly exitCode: number;
  readonly detached?: boolean;
  readonly neverRan?: boolean;
}

/** As the engine reads times. */
const seconds = (ms: number | undefined) => (ms === undefined ? undefined : (ms / 1000).toFixed(3));

export function createSessions(context: Context): Sessions {
  const { engine, explain } = context;

  return {
    async logs(id, { follow, tail, since, until, timestamps, positions = false, after }) {
      const { Config } = await look(engine, id);
      const begin = after === undefined ? { since: seconds(since), tail } : { since: engineTime(after.at) };
      const { body } = await engine.read({
        method: 'GET',
        path: `/containers/${encodeURIComponent(id)}/logs`,
        query: {
          ...{ follow, stdout: true, stderr: true, ...begin, until: seconds(until) },
          timestamps: timestamps || positions,
        },
        doing: `read the logs of the container ${shortId(id)}`,
      });
      const tty = Config.Tty;
      const served = { tty, finish: async () => undefined, explain };
      if (!positions) return serveOutput(body, served);
      const reading = new LogPositions({ tty, timestamps, ...(after === undefined ? {} : { after }) });
      // Who asks to go on learns that this is understood: servers and agents of before would begin anew.
      const first = after && { channel: channels.control, data: writeControl({ type: 'position', ...after }) };
      return serveOutput(body, { ...served, reading, ...(first === undefined ? {} : { first }) });
    },

    async exec(id, { command, tty, stdin, env, user, workdir }) {
      const doing = `run ${command[0] ?? 'nothing'} in the container ${shortId(id)}`;
      const body = {
        Cmd: command,
        Tty: tty,
        Env: env,
        ...(user === undefined ? {} : { User: user }),
        ...(workdir === undefined ? {} : { WorkingDir: workdir }),
        AttachStdin: stdin,
        AttachStdout: true,
        AttachStderr: true,
      };
      const path = `/containers/${encodeURIComponent(id)}/exec`;
      const { Id: exec } = await engine.ask({ method: 'POST', path, body, doing }, created);
      const connection = await engine.hijack({
        method: 'POST',
        path: `/exec/${exec}/start`,
        body: { Detach: false, Tty: tty },
        doing,
      });
      const over = new AbortController();
      return serveSession(connection, {
        tty,
        stdin,
        resize: resizer(context, `/exec/${exec}/resize`),
        signal: signaller(context, exec),
        keepsBack: mayBeRefusal,
        finish: async (output) => {
          const { neverRan, ...end } = await execEnd(engine, exec, tty, over.signal);
          return neverRan && output !== '' ? execRefusal(output, command[0] ?? 'nothing') : end;
        },
        release: () => over.abort(),
        explain,
      });
    },

    attach: (id, options) => attach(context, id, options),
  };
}

async function attach(
  context: Context,
  id: string,
  { stdin, ...asked }: { readonly stdin: boolean; readonly tty?: boolean },
): Promise<ByteStream> {
  const { engine, explain } = context;
  const path = `/containers/${encodeURIComponent(id)}`;
  const doing = `attach to the container ${shortId(id)}`;
  const { Config, State } = await look(engine, id);
  const tty = asked.tty ?? Config.Tty;
  // The wait is in place before the container starts: its exit cannot be missed.
  const condition = State.Status === 'created' || State.Status === 'exited' ? 'next-exit' : 'not-running';
  const exit = await engine.open({ method: 'POST', path: `${path}/wait`, query: { condition }, doing });
  try {
    const connection = await engine.hijack({
      method: 'POST',
      path: `${path}/attach`,
      query: { stream: true, stdin, stdout: true, stderr: true },
      doing,
    });
    const finish = async () => {
      const code = exitCode(exit);
      code.catch(() => {});
      if (!tty) return { exitCode: await code };
      const ended = await Promise.race([code, delay(detachAfterMs, undefined, { ref: false })]);
      if (ended !== undefined) return { exitCode: ended };
      if ((await look(engine, id)).State.Status !== 'running') return { exitCode: await code };
      return detached;
    };
    const resize = resizer(context, `${path}/resize`);
    const release = () => void exit.destroy();
    return serveSession(connection, { tty: Config.Tty, stdin, resize, finish, release, explain });
  } catch (error) {
    exit.destroy();
    throw error;
  }
}

async function look(engine: Engine, id: string): Promise<z.infer<typeof container>> {
  const request = { method: 'GET', path: `/containers/${encodeURIComponent(id)}/json` } as const;
  return engine.ask({ ...request, doing: `look at the container ${shortId(id)}` }, container);
}

async function exitCode(answer: AsyncIterable<Buffer>): Promise<number> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part);
  return waited.parse(JSON.parse(Buffer.concat(parts).toString())).StatusCode;
}

/** The output may end shortly before the engine has noted the exit, or long before if the process closed it. */
async function execEnd(engine: Engine, exec: string, tty: boolean, signal: AbortSignal): Promise<ExecEnd> {
  let waitedMs = 0;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 500)) {
    const request = { method: 'GET', path: `/exec/${exec}/json`, doing: 'learn the exit code' } as const;
    const state = await engine.ask(request, execState);
    if (!state.Running) return { exitCode: state.ExitCode ?? -1, ...(state.Pid === 0 ? { neverRan: true } : {}) };
    if (tty && waitedMs >= detachAfterMs) return detached;
    await delay(pauseMs, undefined, { ref: false, signal });
    waitedMs += pauseMs;
  }
}

/**
 * To the process of an exec and to what it has started: it leads a process group. The Engine API has no signals for execs;
 * the process is the engine's host's, which is ours. Never rejects: what has ended hears nothing.
 */
function signaller({ engine, log }: Context, exec: string): (name: Signal) => Promise<void> {
  return async (name) => {
    try {
      const request = { method: 'GET', path: `/exec/${exec}/json`, doing: 'find the process' } as const;
      const { Running, Pid } = await engine.ask(request, execState);
      if (!Running || !Pid) return;
      const group = await groupOf(Pid);
      if (group !== undefined) signalProcess(group === Pid ? -Pid : Pid, `SIG${name}`);
    } catch (error) {
      log.debug('a signal could not be passed on', { signal: name, error });
    }
  };
}

/** Never rejects: a wrong size of the terminal is no reason to end the session. */
function resizer({ engine, log }: Context, path: string): (columns: number, rows: number) => Promise<void> {
  return async (columns, rows) => {
    // The first size is known before the process runs.
    for (let attempt = 1; ; attempt += 1) {
      try {
        await engine.call({ method: 'POST', path, query: { h: rows, w: columns }, doing: 'resize the terminal' });
        return;
      } catch (error) {
        if (attempt >= 8) {
          log.debug('a terminal could not be resized', { error });
          return;
        }
      }
      await delay(20 * attempt, undefined, { ref: false });
    }
  };
}

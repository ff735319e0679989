/** A shell in a container, in the console's own terminal. */
import { type Api, channels, type StreamControl } from '../../../protocol/api.ts';
import type { Terminal } from './terminal.ts';

/** Whichever there is; `exec` leaves no shell behind it. */
const command = ['sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh'];

export interface ShellOptions {
  readonly api: Api;
  readonly terminal: Terminal;
  /** As the cluster finds the container. */
  readonly reference: string;
}

/** Resolves when the shell has ended. @returns a sentence, if there was none. @throws Failure */
export async function runShell({ api, terminal, reference }: ShellOptions): Promise<string | undefined> {
  const { type } = terminal;
  const env = type === undefined ? [] : [`TERM=${type}`];
  const stream = await api.open('workload.exec', { name: reference, command, tty: true, stdin: true, env });
  const tell = () => {
    const size: StreamControl = { type: 'resize', columns: terminal.columns, rows: terminal.rows };
    stream.send(channels.control, Buffer.from(JSON.stringify(size))).catch(() => {});
  };
  using _resize = terminal.onResize(tell);
  using _input = terminal.takeInput((bytes) => stream.send(channels.stdin, bytes).catch(() => {}));
  tell();
  for await (const { channel, data } of stream) {
    if (channel === channels.stdout || channel === channels.stderr) await terminal.write(data);
  }
  const { error } = ((await stream.result) ?? {}) as { error?: unknown };
  return typeof error === 'string' ? error : undefined;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured messages for whoever runs a daemon. Never for the answers of a command. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A log whose every line carries `fields`. */
  with(fields: Readonly<Record<string, unknown>>): Log;
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** @param write takes one finished line with its newline, e.g. `(line) => process.stderr.write(line)`. */
export function lineLog(
  write: (line: string) => void,
  minimum: LogLevel,
  now: () => number,
  bound: Readonly<Record<string, unknown>> = {},
): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      if (levels.indexOf(level) < levels.indexOf(minimum)) return;
      const pairs = Object.entries({ ...bound, ...fields }).map(([key, value]) => ` ${key}=${printable(value)}`);
      write(`${new Date(now()).toISOString()} ${level.padEnd(5)} ${message}${pairs.join('')}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => lineLog(write, minimum, now, { ...bound, ...fields }),
  };
}

function printable(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string' && /^[\w./:@-]+$/.test(value)) return value;
  return JSON.stringify(value) ?? 'undefined';
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

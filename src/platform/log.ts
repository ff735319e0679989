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

export type LogFormat = 'text' | 'json';

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** @param write takes one finished line with its newline, e.g. `(line) => process.stderr.write(line)`. */
export function lineLog(
  write: (line: string) => void,
  minimum: LogLevel,
  now: () => number,
  format: LogFormat = 'text',
): Log {
  return logWith(write, minimum, now, lines[format], {});
}

type Fields = Readonly<Record<string, unknown>>;
type Line = (time: string, level: LogLevel, message: string, fields: Fields) => string;

function logWith(write: (line: string) => void, minimum: LogLevel, now: () => number, line: Line, bound: Fields): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: Fields = {}) => {
      if (levels.indexOf(level) < levels.indexOf(minimum)) return;
      write(`${line(new Date(now()).toISOString(), level, message, { ...bound, ...fields })}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => logWith(write, minimum, now, line, { ...bound, ...fields }),
  };
}

const lines: Readonly<Record<LogFormat, Line>> = {
  text: (time, level, message, fields) => {
    const known = Object.entries(fields).filter(([, value]) => value !== undefined);
    const pairs = known.map(([key, value]) => ` ${key}=${printable(value)}`);
    return `${time} ${level.padEnd(5)} ${message}${pairs.join('')}`;
  },
  // A field never hides what every line has.
  json: (time, level, message, fields) => JSON.stringify({ time, level, message, ...renamed(fields) }, jsonValue),
};

function renamed(fields: Fields): Fields {
  const pairs = Object.entries(fields).map(([key, value]) => [fixed.has(key) ? `${key}_` : key, value]);
  return Object.fromEntries(pairs);
}

const fixed: ReadonlySet<string> = new Set(['time', 'level', 'message']);

/** What JSON has no word for. */
function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Error) return told(value);
  return typeof value === 'bigint' ? String(value) : value;
}

function told(error: Error, deep = 0): Fields {
  const { name, message, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(cause instanceof Error && deep < 3 ? { cause: told(cause, deep + 1) } : {}),
  };
}

function printable(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string' && /^[\w./:@-]+$/.test(value)) return value;
  return JSON.stringify(value) ?? 'undefined';
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

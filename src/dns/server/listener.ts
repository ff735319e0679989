/** One address, UDP and TCP. What it cannot have yet, it tries again for until it is closed. */
import type { Clock, Log } from '../../platform/platform.ts';
import type { Rate } from './allowance.ts';
import { Clients } from './clients.ts';
import type { Desk } from './desk.ts';
import { openTcp } from './tcp.ts';
import { openUdp } from './udp.ts';

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  readonly desk: Desk;
  readonly rate: Rate;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when nobody else here has the address any more. */
  readonly former: Promise<void>;
  onTrouble(message: string): void;
}

/** An open socket. `failed` resolves with why, if it ever does. */
export interface Open {
  readonly failed: Promise<Error>;
  close(): Promise<void>;
}

/** Milliseconds before the next try: the network that is just being made is there in a moment. */
const delays = { first: 100, longest: 2000 } as const;

/** What lasts for a shorter time is not told. */
const worthTelling = 1500;

export function listenAt(options: ListenerOptions): AsyncDisposable {
  const stop = new AbortController();
  const running = keepOpen(options, stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

async function keepOpen(options: ListenerOptions, signal: AbortSignal): Promise<void> {
  const { address, port, clock, log } = options;
  const stopped = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
  let delay: number = delays.first;
  let since: number | undefined;
  let told = false;
  await options.former;
  while (!signal.aborted) {
    const opened = await openBoth(options);
    if (Array.isArray(opened)) {
      log.info('names are answered', { address, port });
      [delay, since, told] = [delays.first, undefined, false];
      const failure = await Promise.race([stopped, ...opened.map((each) => each.failed)]);
      await Promise.all(opened.map((each) => each.close()));
      if (failure !== undefined) log.warn('a socket for names failed', { address, error: failure });
      continue;
    }
    since ??= clock.now();
    if (!told && clock.now() - since >= worthTelling) {
      told = true;
      options.onTrouble(sentence(address, port, opened));
    }
    await clock.sleep(delay, signal).catch(() => {});
    delay = Math.min(2 * delay, delays.longest);
  }
}

async function openBoth(options: ListenerOptions): Promise<Open[] | NodeJS.ErrnoException> {
  const clients = new Clients(options.address, options.clock, options.rate);
  const opened: Open[] = [];
  try {
    opened.push(await openUdp(options, clients));
    opened.push(await openTcp(options, clients));
    return opened;
  } catch (error) {
    for (const each of opened) await each.close();
    return error as NodeJS.ErrnoException;
  }
}

function sentence(address: string, port: number, error: NodeJS.ErrnoException): string {
  const what = `names are not answered at ${address} port ${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${what}: another program has that port; find it with "ss -lntup sport = ${port}" and stop it, or make it listen elsewhere`;
    case 'EADDRNOTAVAIL':
      return `${what}: this host does not have that address yet; it is tried again until it does`;
    default:
      return `${what}: ${error.message}; it is tried again`;
  }
}

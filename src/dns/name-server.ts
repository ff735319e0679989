/** The name server of a node. */
import type { NameServer, NameServerOptions } from './dns.ts';
import { Forwarder, type Patience, usualPatience } from './forward/forwarder.ts';
import type { Rate } from './server/allowance.ts';
import { Desk, type PassedOn } from './server/desk.ts';
import { listenAt } from './server/listener.ts';

/** What is the same everywhere but in tests. */
export interface NameServerLimits {
  /** UDP and TCP; 53. */
  readonly port: number;
  /**
   * Questions of one client that are passed on to other servers; beyond it they are refused. Names of the cluster are not
   * limited: to refuse one costs as much as to answer it. Sockets are read in turn, so that a flood delays those who ask
   * another address little; in its own network it costs others some of theirs, which they send again.
   */
  readonly rate: Rate;
  readonly passedOn: PassedOn;
  readonly patience: Patience;
}

const usual: NameServerLimits = {
  port: 53,
  rate: { perSecond: 200, burst: 1000 },
  passedOn: { ofClient: 128, ofAll: 512 },
  patience: usualPatience,
};

export function createNameServer(options: NameServerOptions & Partial<NameServerLimits>): NameServer {
  const { port, rate, passedOn, patience } = { ...usual, ...options };
  const { zone, clock, log } = options;
  const listeners = new Map<string, AsyncDisposable>();
  /** Of listeners that were taken away; an address that comes back waits for its former one. */
  const closing = new Map<string, Promise<void>>();
  const forwarder = new Forwarder({ clock, patience });
  const isOwn = (address: string, at: number) => at === port && listeners.has(address);
  const desk = new Desk({
    zone,
    clock,
    forwarder,
    passedOn,
    isOwn,
    answered: (...told) => options.onAnswered?.(...told),
  });
  const onTrouble = (message: string) => options.onTrouble(message);

  const end = (address: string, listener: AsyncDisposable): Promise<void> => {
    listeners.delete(address);
    const closed = Promise.resolve(listener[Symbol.asyncDispose]()).then(() => {
      if (closing.get(address) === closed) closing.delete(address);
    });
    closing.set(address, closed);
    return closed;
  };
  return {
    listen(addresses) {
      for (const [address, listener] of listeners) if (!addresses.has(address)) void end(address, listener);
      for (const address of addresses) {
        if (listeners.has(address)) continue;
        const former = closing.get(address) ?? Promise.resolve();
        listeners.set(address, listenAt({ address, port, desk, rate, clock, log, former, onTrouble }));
      }
    },
    async [Symbol.asyncDispose]() {
      for (const [address, listener] of listeners) void end(address, listener);
      forwarder.close();
      await Promise.all(closing.values());
    },
  };
}

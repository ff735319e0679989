import type { Socket } from 'zeromq';
import { Failure } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import { endpoint, portOf } from './options.ts';

/*
 * Sockets are bound synchronously and never unbound, only closed: the other ways work in a thread of their own, and a
 * receive that waits on the same socket would touch it from this one meanwhile. That ends in an assertion of libzmq's.
 */

/** A port whose socket was closed just now is free a moment later. */
const patience = { tries: 25, pauseMs: 20 } as const;

/**
 * Binds, and waits a little for a port that is just becoming free.
 * @param port 0: any.
 * @returns the port.
 * @throws Failure('conflict') when the port is taken, 'invalid' for an address that is not this host's.
 */
export async function bind(socket: Socket, address: string, port: number, clock: Clock): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      socket.bindSync(endpoint(address, port === 0 ? '*' : port));
      return portOf(socket.lastEndpoint);
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken || tries >= patience.tries) throw cannotBind(address, port, taken, error);
      await clock.sleep(patience.pauseMs);
    }
  }
}

function cannotBind(address: string, port: number, taken: boolean, cause: unknown): Failure {
  if (taken) {
    const message = `Port ${port} of ${address} is in use: stop what listens there, or choose another port.`;
    return new Failure('conflict', message, { cause });
  }
  const message = `The server cannot listen on ${address}:${port}: ${(cause as Error).message}.`;
  return new Failure('invalid', message, { cause });
}

/**
 * A bound socket that can be renewed on its port, which is the only way to end the connections of one peer: ZeroMQ
 * asks for a key when a connection begins and never again.
 */
export class Renewable<S extends Socket> {
  readonly #make: () => S;
  readonly #run: (socket: S) => Promise<void>;
  readonly #address: string;
  readonly #clock: Clock;
  #socket: S;
  #port = 0;
  #closed = false;
  #renewing: Promise<void> = Promise.resolve();

  /** @param run reads from the socket until it is closed. */
  constructor(make: () => S, run: (socket: S) => Promise<void>, address: string, clock: Clock) {
    this.#make = make;
    this.#run = run;
    this.#address = address;
    this.#clock = clock;
    this.#socket = make();
  }

  get socket(): S {
    return this.#socket;
  }

  async open(port: number): Promise<number> {
    this.#port = await bind(this.#socket, this.#address, port, this.#clock);
    void this.#read();
    return this.#port;
  }

  /** Ends every connection; those who may will be back within a second. One after the other. */
  renew(): Promise<void> {
    this.#renewing = this.#renewing.then(async () => {
      if (this.#closed) return;
      this.#socket.close();
      this.#socket = this.#make();
      await this.#bindAgain();
    });
    return this.#renewing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#renewing;
    this.#socket.close();
  }

  /** The port was this server's: it keeps asking for it, since without it no node hears of anything. */
  async #bindAgain(): Promise<void> {
    for (;;) {
      try {
        await this.open(this.#port);
        return;
      } catch {
        if (this.#closed) return;
        await this.#clock.sleep(patience.pauseMs);
      }
    }
  }

  async #read(): Promise<void> {
    await this.#run(this.#socket).catch(() => {});
  }
}

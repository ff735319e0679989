import type { Clock } from '../../platform/platform.ts';
import type { Client } from '../dns.ts';
import { Allowance, type Rate } from './allowance.ts';

/** One client of one of the server's addresses, and what it has taken of it. */
export interface Asker {
  readonly client: Client;
  readonly allowance: Allowance;
  /** Questions passed on and not answered yet. */
  passedOn: number;
  /** TCP. */
  connections: number;
}

/** Beyond that many all are forgotten: more than a host runs containers, and addresses cannot be made up in a network. */
const most = 4096;

/** The clients of one of the server's addresses. */
export class Clients {
  readonly #server: string;
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #askers = new Map<string, Asker>();

  constructor(server: string, clock: Clock, rate: Rate) {
    this.#server = server;
    this.#clock = clock;
    this.#rate = rate;
  }

  at(address: string): Asker {
    const known = this.#askers.get(address);
    if (known !== undefined) return known;
    if (this.#askers.size >= most) this.#askers.clear();
    const client = { address, server: this.#server };
    const allowance = new Allowance(this.#rate, this.#clock.now());
    const asker = { client, allowance, passedOn: 0, connections: 0 };
    this.#askers.set(address, asker);
    return asker;
  }
}

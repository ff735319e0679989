/** What people were told that it is done: what must be so once everything is healed. */
import type { HostName, UserAction } from './actions.ts';

export interface Promised {
  readonly network: string;
  /** Undefined: its host was given up, and it is to run wherever it was moved. */
  readonly host: HostName | undefined;
  readonly by: 'trama' | 'docker';
  readonly running: boolean;
  readonly port?: number;
  readonly onNodeLoss?: 'reschedule';
}

export class Book {
  readonly networks = new Map<string, { readonly prefix: number }>();
  readonly containers = new Map<string, Promised>();
  /** Asked for and not acknowledged: to be asked again. */
  readonly open: UserAction[] = [];

  /** Whether it can be asked for as things stand; what an earlier failure made void cannot. */
  possible(action: UserAction): boolean {
    switch (action.kind) {
      case 'network-create':
        return !this.networks.has(action.network);
      case 'network-rm':
        return this.networks.has(action.network) && !this.#uses(action.network);
      case 'run':
        return this.networks.has(action.network) && !this.containers.has(action.container) && this.#portIsFree(action);
      case 'stop':
        return this.containers.get(action.container)?.running === true;
      case 'start':
        return this.containers.get(action.container)?.running === false;
      case 'rm':
        return this.containers.has(action.container);
    }
  }

  acknowledged(action: UserAction): void {
    switch (action.kind) {
      case 'network-create':
        this.networks.set(action.network, { prefix: action.prefix });
        return;
      case 'network-rm':
        this.networks.delete(action.network);
        return;
      case 'run': {
        const { container, kind, via, ...promised } = action;
        this.containers.set(container, { ...promised, running: true });
        return;
      }
      case 'rm':
        this.containers.delete(action.container);
        return;
      default: {
        const promised = this.containers.get(action.container);
        if (promised) this.containers.set(action.container, { ...promised, running: action.kind === 'start' });
      }
    }
  }

  /** A host was given up: what it ran is dropped or moved. @returns those that Docker ran: what becomes of them is not promised */
  evicted(host: HostName): string[] {
    const loose: string[] = [];
    for (const [name, promised] of this.containers) {
      if (promised.host !== host) continue;
      if (promised.by === 'docker') loose.push(name);
      if (promised.onNodeLoss === 'reschedule') this.containers.set(name, { ...promised, host: undefined });
      else this.containers.delete(name);
    }
    return loose;
  }

  moved(name: string, host: HostName): void {
    const promised = this.containers.get(name);
    if (promised) this.containers.set(name, { ...promised, host });
  }

  #uses(network: string): boolean {
    return [...this.containers.values()].some((each) => each.network === network);
  }

  #portIsFree({ port }: { readonly port?: number }): boolean {
    return port === undefined || ![...this.containers.values()].some((each) => each.port === port);
  }
}

import { join } from 'node:path';
import { chooseBlock, Failure, type NetworkRecord, parseSubnet } from '../../domain/domain.ts';
import { silentLog } from '../../platform/platform.ts';
import type { Api } from '../../protocol/protocol.ts';
import { Addresses } from '../addresses.ts';
import { ClusterView } from '../cluster-view.ts';
import { openLocalState } from '../local-state.ts';

export const network = { id: 'n1', name: 'app', subnet: '10.42.0.0/24' } as NetworkRecord;

/** One server's books, shared by any number of nodes. */
export function books() {
  const leased: string[] = [];
  const reserved = new Map<string, string>();
  let answering = true;
  const api = (node: string): Api => ({
    async call(method, params) {
      if (!answering) throw new Failure('unavailable', 'no server');
      const { address } = params as { address: string };
      if (method === 'block.lease') {
        await new Promise((resolve) => setImmediate(resolve));
        const cidr = chooseBlock(parseSubnet(network.subnet), leased, reserved.keys(), node);
        if (cidr === undefined) throw new Failure('exhausted', 'network app is full');
        leased.push(cidr);
        return { network: network.id, cidr, node };
      }
      if (method === 'address.reserve') {
        if (reserved.has(address)) throw new Failure('conflict', `${address} is ${reserved.get(address)}'s`);
        reserved.set(address, node);
      }
      if (method === 'address.release') reserved.delete(address);
      if (method === 'block.release') leased.splice(leased.indexOf((params as { cidr: string }).cidr), 1);
      return {};
    },
    open: () => Promise.reject(new Error('no streams here')),
  });
  return { api, leased, reserved, silence: (silent = true) => (answering = !silent) };
}

/** An Api where something happens between the question to take a block back and the answer. */
export const whileReturned = (api: Api, happens: () => Promise<unknown>): Api => ({
  ...api,
  call: async (method, params) => {
    if (method === 'block.release') await happens();
    return api.call(method, params);
  },
});

/** A node as its disk has it, in this directory; made again, it is one that was restarted. */
export async function addressesOf(directory: string, name: string, api: Api, clock = { time: 0 }) {
  const view = new ClusterView();
  view.apply([{ key: 'network/n1', value: { kind: 'network', network }, previous: undefined }]);
  const state = await openLocalState(join(directory, name), () => {});
  const addresses = new Addresses({
    node: name,
    api,
    view,
    state,
    clock: { now: () => clock.time, sleep: () => new Promise(() => {}) },
    log: silentLog,
  });
  return { addresses, state, view, clock };
}

/** As a node's topic tells. */
export const told = (block: { network: string; cidr: string; node: string }) => [
  { key: `block/n1/${block.cidr}`, value: { kind: 'block', block } as const, previous: undefined },
];
export const held = (reservation: { network: string; address: string; node: string }) => [
  {
    key: `reservation/n1/${reservation.address}`,
    value: { kind: 'reservation', reservation } as const,
    previous: undefined,
  },
];

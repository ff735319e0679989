/** Making networks. Whoever makes one judges all there are, on condition that they are still all there are. */
import {
  checkDiscovery,
  checkDriver,
  checkMtu,
  checkNetworkName,
  checkVni,
  chooseSubnet,
  chooseVni,
  clashes,
  defaultMtu,
  Failure,
  formatSubnet,
  multicastGroup,
  type NetworkRecord,
  parseNetworkSubnet,
} from '../domain/domain.ts';
import type { ParsedParams } from '../protocol/protocol.ts';
import { change } from './change.ts';
import type { Context, Methods } from './context.ts';
import { allOf, networkKey, networkNameKey, networkSetKey, vniKey } from './keys.ts';
import { networkView } from './network-view.ts';
import { absent, asSeen, put, read, readAll, type StoredNode } from './records.ts';

/** IANA's port of VXLAN. */
const vxlanPort = 4789;

export const networkMethods: Methods<'network.create'> = {
  'network.create': (context, params) =>
    context.turns.take('network-set', async () => {
      const { result } = await change(context, `network ${params.name}`, async () => {
        const set = await read(context.store, networkSetKey);
        const network = await decide(context, params);
        return {
          conditions: [
            asSeen(networkSetKey, set),
            ...[networkKey(network.id), networkNameKey(network.name), vniKey(network.vni)].map(absent),
          ],
          writes: params.dryRun
            ? []
            : [
                put(networkSetKey, network.id),
                put(networkKey(network.id), network),
                put(networkNameKey(network.name), network.id),
                put(vniKey(network.vni), network.id),
              ],
          result: network,
        };
      });
      return networkView(result);
    }),
};

/** The network that was asked for, with what was left open chosen. @throws Failure `invalid`, `conflict`, `exhausted` */
async function decide(context: Context, params: ParsedParams<'network.create'>): Promise<NetworkRecord> {
  const name = checkNetworkName(params.name);
  const driver = checkDriver(params.driver);
  const discovery = checkDiscovery(params.discovery);
  const asked = params.subnet === undefined ? undefined : formatSubnet(parseNetworkSubnet(params.subnet));
  const askedVni = params.vni === undefined ? undefined : checkVni(params.vni);
  const askedMtu = params.mtu === undefined ? undefined : checkMtu(params.mtu);
  const networks = (await readAll<NetworkRecord>(context.store, allOf('networks'))).map(({ value }) => value);
  const nodes = (await readAll<StoredNode>(context.store, allOf('nodes'))).map(({ value }) => value);
  const subnet = asked ?? chooseSubnet(networks, nodes);
  const vni = askedVni ?? chooseVni(networks.map((network) => network.vni));
  const mtu = askedMtu ?? defaultMtu(nodes);
  const clash = clashes({ name, subnet, vni, mtu }, networks, nodes);
  if (clash !== undefined) throw new Failure('conflict', clash);
  return {
    id: Buffer.from(context.random.bytes(6)).toString('hex'),
    name,
    driver,
    subnet,
    vni,
    mtu,
    discovery,
    ...(discovery === 'multicast' ? { group: multicastGroup(vni) } : {}),
    port: vxlanPort,
    internal: params.internal,
    options: params.options,
    createdAt: context.clock.now(),
  };
}

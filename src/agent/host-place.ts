/** Whether this host can be in a network: whether what it would go by is there, and carries its packets. */
import { Failure, lanOf, type NetworkRecord, overheadOf, parentOf, whyNotOn, whyUnrouted } from '../domain/domain.ts';
import type { Host } from '../drivers/drivers.ts';

/** @param underlayMtu bytes @throws Failure `invalid` */
export function checkPlace(network: NetworkRecord, host: Host, underlayMtu: number): void {
  const { name, driver, mtu } = network;
  const node = { name: host.node, address: host.address, interfaces: host.interfaces ?? [] };
  const why = whyNotOn(network, node) ?? whyUnrouted(network, node);
  if (why !== undefined) throw new Failure('invalid', `network ${name} is not to be had here: ${why}`);
  const parent = lanOf(network) && parentOf(network, { interfaces: host.interfaces ?? [] });
  const most = parent?.mtu ?? underlayMtu - overheadOf(driver);
  if (mtu <= most) return;
  const device = parent?.name ?? host.interface;
  throw new Failure(
    'invalid',
    `network ${name} has MTU ${mtu}, but ${device} of this node carries only ${most}${driver === 'overlay' ? ' inside VXLAN' : ''}: create the network with --mtu ${most}, or raise the MTU of ${device}`,
  );
}

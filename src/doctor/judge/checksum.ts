/** Cards and kernels whose checksums inside VXLAN are known to come out wrong. */
import { type Asked, about, type Finding } from '../finding.ts';

export interface CardFact {
  readonly interface: string;
  /** Of its driver, as `ethtool -i` tells; empty: it has none, as a veth. */
  readonly driver: string;
  /** Features that are on, as `ethtool -k` names them. */
  readonly on: readonly string[];
}

/**
 * Drivers with reports of it: VMware's on several hardware versions (k3s 5013, calico 4727), Emulex's and Broadcom's older
 * ones for VXLAN they were not told of.
 */
const suspects: ReadonlySet<string> = new Set(['vmxnet3', 'be2net', 'bnx2x']);

const offloads = [
  'tx-checksum-ip-generic',
  'tx-checksum-ipv4',
  'tx-udp_tnl-csum-segmentation',
  'tx-udp_tnl-segmentation',
];

export function judgeCard(card: Asked<CardFact>): Finding[] {
  const { pass, warn } = about('checksum');
  if ('notAsked' in card) return [warn('this host', `not asked: ${card.notAsked}`, 'Install ethtool, then try again.')];
  const { interface: device, driver, on } = card.value;
  const offloaded = offloads.filter((feature) => on.includes(feature));
  if (!suspects.has(driver) || offloaded.length === 0) {
    return [pass(device, driver === '' ? 'no driver of a card' : `driver ${driver} is not known to sum VXLAN wrongly`)];
  }
  const switches = offloaded.map((feature) => `${feature} off`).join(' ');
  const found = `driver ${driver} is known to sum VXLAN wrongly on some machines, and does it here (${offloaded.join(', ')})`;
  return [
    warn(
      device,
      found,
      `If TCP hangs between nodes, run \`ethtool -K ${device} ${switches}\` at every start of the host.`,
    ),
  ];
}

/** @param features what `ethtool -k` prints: `name: on [fixed]` */
export function featuresOn(features: string): string[] {
  return [...features.matchAll(/^\s*([\w-]+): on\b/gm)].map(([, name]) => name ?? '');
}

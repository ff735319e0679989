/** Options of drivers: `--opt KEY=VALUE`, flags of their own, or Docker's `-o`. */
import { formatAddress, parseAddress } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { Driver, NetworkRecord } from './records.ts';
import { parseSubnet } from './subnet.ts';

/** How containers hang on their host: all on one bridge, or each on a link of its own that the host routes to. */
export type Attachment = 'bridge' | 'p2p';

/** By driver, what is wrong with a value. An option that nothing reads would be a promise that nobody keeps. */
const known: Readonly<Record<Driver, Readonly<Record<string, (value: string) => string | undefined>>>> = {
  overlay: {},
  routed: {
    attach: (value) => (value === 'bridge' || value === 'p2p' ? undefined : 'containers are attached by bridge or p2p'),
    via: (value) => (isIpv4(value) ? undefined : 'it is the IPv4 address of the router between the hosts'),
  },
  lan: {
    parent: (value) => (isInterfaceName(value) ? undefined : "it is the name of the hosts' interface, like eth1"),
    mode: (value) => (value === 'bridge' || value === 'macvlan' ? undefined : 'it is bridge or macvlan'),
    gateway: (value) => (isIpv4(value) ? undefined : "it is the IPv4 address of the LAN's router"),
    range: (value) => (isIpv4Subnet(value) ? undefined : 'it is a part of the subnet, like 192.168.1.128/26'),
    dhcp: (value) => (value === 'true' ? undefined : 'it is true, or left out'),
  },
  bridge: {},
};

/** @throws Failure `invalid` that lists those there are */
export function checkNetworkOptions(driver: Driver, options: Readonly<Record<string, string>>): void {
  const there = Object.keys(known[driver]);
  for (const [option, value] of Object.entries(options)) {
    const wrong = Object.hasOwn(known[driver], option) ? known[driver][option] : undefined;
    if (wrong === undefined) {
      const others = there.length === 0 ? 'it has none' : `there are ${there.join(', ')}`;
      throw new Failure('invalid', `${quoted(option)} is not an option of driver ${driver}: ${others}`);
    }
    const complaint = wrong(value);
    if (complaint !== undefined) throw new Failure('invalid', `${option} cannot be ${quoted(value)}: ${complaint}`);
  }
}

export const attachmentOf = ({ options }: Pick<NetworkRecord, 'options'>): Attachment =>
  options.attach === 'p2p' ? 'p2p' : 'bridge';

/** The router that all traffic to other hosts goes by; undefined: each host reaches the others itself. */
export const routerOf = ({ options }: Pick<NetworkRecord, 'options'>): string | undefined => options.via;

/** Linux allows 15 characters; blanks and slashes it does not. */
const isInterfaceName = (text: string): boolean => /^[\w.@:-]{1,15}$/.test(text) && !/^\.\.?$/.test(text);

function isIpv4Subnet(text: string): boolean {
  try {
    return parseSubnet(text).family === 4;
  } catch {
    return false;
  }
}

function isIpv4(text: string): boolean {
  try {
    const address = parseAddress(text);
    return address.family === 4 && formatAddress(address) === text;
  } catch {
    return false;
  }
}

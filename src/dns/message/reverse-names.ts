/** The names under which DNS keeps names of addresses (RFC 1035 §3.5, RFC 3596 §2.5). */
import { formatAddress, isAddress } from '../../domain/domain.ts';

/** @param name in lower case @returns undefined when it stands for no whole address */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const address = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    return isAddress(address) ? address : undefined;
  }
  if (!/^([0-9a-f]\.){32}ip6\.arpa$/.test(name)) return undefined;
  const nibbles = name.slice(0, 63).split('.').reverse().join('');
  return formatAddress({ family: 6, value: BigInt(`0x${nibbles}`) });
}

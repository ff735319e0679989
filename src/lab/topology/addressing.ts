/** Every seat of a segment that has a prefix gets an address: what the file gives, else the next that is free. */

import type { Problems } from '../../documents/problems.ts';
import {
  type Address,
  contains,
  formatAddress,
  parseAddress,
  parseSubnet,
  type Subnet,
  subnetSize,
} from '../../domain/domain.ts';
import type { Segment } from './model.ts';
import type { DraftSegment, Seat } from './segments.ts';

export function assign(segments: readonly DraftSegment[], problems: Problems): Segment[] {
  return segments.map((segment) => {
    if (segment.prefix === undefined) {
      for (const seat of segment.seats) refuseGiven(seat, problems);
      return { members: [] };
    }
    const subnet = parseSubnet(segment.prefix);
    const taken = new Map<bigint, string>();
    for (const seat of segment.seats) take(seat, subnet, taken, problems);
    const free = freeAddresses(subnet, taken);
    const members = segment.seats.flatMap(({ node, device, given, path }) => {
      if (given !== undefined) return [{ node, device, address: given }];
      const next = free.next();
      if (next.done) {
        problems.at(path, `${segment.prefix} has no address left for ${node}:${device}: choose a larger prefix`);
        return [];
      }
      return [{ node, device, address: formatAddress(next.value) }];
    });
    return { prefix: segment.prefix, members };
  });
}

function refuseGiven({ given, path, node, device }: Seat, problems: Problems): void {
  if (given === undefined) return;
  problems.at(
    path,
    `nothing says which prefix ${given} of ${node}:${device} is in: add a prefix to the link, host or switch`,
  );
}

function take(
  { given, path, node, device }: Seat,
  subnet: Subnet,
  taken: Map<bigint, string>,
  problems: Problems,
): void {
  if (given === undefined) return;
  const address = parseAddress(given);
  const [first, last] = usable(subnet);
  const holder = taken.get(address.value);
  if (holder !== undefined)
    problems.at(path, `${given} is ${holder}'s already: give ${node}:${device} another address`);
  else if (!contains(subnet, address)) {
    problems.at(path, `${given} is not in this segment's prefix: give ${node}:${device} one that is`);
  } else if (address.value < first || address.value > last) {
    problems.at(path, `${given} is the network's or broadcast address: give ${node}:${device} another`);
  }
  taken.set(address.value, `${node}:${device}`);
}

/** First and last; of a /31 both are (RFC 3021). */
export function usable(subnet: Subnet): [bigint, bigint] {
  const last = subnet.base + subnetSize(subnet) - 1n;
  return subnet.prefix >= 31 ? [subnet.base, last] : [subnet.base + 1n, last - 1n];
}

function* freeAddresses(subnet: Subnet, taken: ReadonlyMap<bigint, string>): Generator<Address, void> {
  const [first, last] = usable(subnet);
  for (let value = first; value <= last; value += 1n) if (!taken.has(value)) yield { family: 4, value };
}

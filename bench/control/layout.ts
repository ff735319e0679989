/** Who is in which network, of how many agents ever: each change concerns as many of them in a small cluster as in a large one. */

const agentsPerNetwork = 50;
/** Of each agent, over its networks; a gateway in each among them. */
const endpointsPerAgent = 50;
/** Agents are in one, two and three networks, by turns. */
const mostNetworks = 3;

export interface Layout {
  readonly agents: number;
  readonly networks: number;
}

export const layoutOf = (agents: number): Layout => ({
  agents,
  networks: Math.max(1, Math.round(agents / agentsPerNetwork)),
});

/** Numbers of the networks that an agent is in. */
export function networksOf(agent: number, { networks }: Layout): readonly number[] {
  const count = Math.min(networks, 1 + (Math.floor(agent / networks) % mostNetworks));
  const step = Math.max(1, Math.floor(networks / mostNetworks));
  return Array.from({ length: count }, (_, at) => (agent + at * step) % networks);
}

/** How many agents are in each network: so many are concerned by a change in it. */
export function audiences(layout: Layout): readonly number[] {
  const counts = Array.from({ length: layout.networks }, () => 0);
  for (let agent = 0; agent < layout.agents; agent += 1)
    for (const network of networksOf(agent, layout)) counts[network] = (counts[network] ?? 0) + 1;
  return counts;
}

/** Endpoints of an agent in its network number `at`: as even as can be. */
export function endpointsIn(at: number, networks: number): number {
  return Math.floor(endpointsPerAgent / networks) + (at < endpointsPerAgent % networks ? 1 : 0);
}

const firstSubnet = 100;

export const networkName = (network: number): string => `n${network}`;
export const subnetOf = (network: number): string => `10.${firstSubnet + network}.0.0/16`;
/** The network that an address is of. */
export const networkAt = (address: string): number => Number(address.split('.')[1]) - firstSubnet;

/** Of the host that an agent is said to be on; nobody is there. */
export const hostOf = (agent: number): string => `172.16.${agent >> 8}.${agent & 255}`;
export const nameOf = (agent: number): string => `agent${agent}`;

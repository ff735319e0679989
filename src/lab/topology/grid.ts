/**
 * N hosts with M containers each, as the file that a person would have written: 11.0.0.0/8 between the hosts, 10.0.i.0/24 in
 * the i-th, everything counted from 0.
 */
import { Failure } from '../../domain/domain.ts';

export interface Grid {
  readonly hosts: number;
  readonly containers: number;
}

/** Hosts are told apart by the third byte of 10.0.i.0, containers by the fourth, beside their gateway. */
const most = { hosts: 250, containers: 250 } as const;

/**
 * `10x10`, or as the lab is called then, `hosts-10x10`. @returns undefined when it is something else.
 * @throws Failure `invalid` when there are too many or too few
 */
export function parseGrid(text: string): Grid | undefined {
  const [, hosts, containers] = /^(?:hosts-)?(\d{1,4})[x×](\d{1,4})$/.exec(text) ?? [];
  if (hosts === undefined || containers === undefined) return undefined;
  const grid = { hosts: Number(hosts), containers: Number(containers) };
  for (const key of ['hosts', 'containers'] as const) {
    if (grid[key] >= 1 && grid[key] <= most[key]) continue;
    throw new Failure('invalid', `${text} has ${grid[key]} ${key}: choose from 1 to ${most[key]}`);
  }
  return grid;
}

function gridName({ hosts, containers }: Grid): string {
  return `hosts-${hosts}x${containers}`;
}

export function gridTopology(grid: Grid): string {
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
  const hosts = numbers(grid.hosts);
  const containers = hosts.flatMap((host) =>
    numbers(grid.containers).map((at) => `    p${host * grid.containers + at}: {kind: container, host: h${host}}`),
  );
  return `# ${grid.hosts} hosts with ${grid.containers} containers each. Written by: trama lab up ${grid.hosts}x${grid.containers}
name: ${gridName(grid)}
topology:
  nodes:
    internet: {kind: switch, prefix: 11.0.0.0/8, address: 11.0.0.1}
${hosts.map((host) => `    h${host}: {kind: host, prefix: 10.0.${host}.0/24}`).join('\n')}
${containers.join('\n')}
  links:
${hosts.map((host) => `    - endpoints: ["h${host}:eth0", "internet:h${host}"]`).join('\n')}
validate:
  - ping: {from: containers, to: containers}
  - ping: {from: hosts, to: hosts}
`;
}

/** The programs that Trama runs, and this examination itself. */
import { about, type Finding } from '../finding.ts';

export interface Tool {
  readonly name: string;
  /** Of Debian; elsewhere it is called much the same. */
  readonly package: string;
  readonly argv: readonly [string, ...string[]];
  /** `agent`: nothing goes without it. Otherwise what is lost. */
  readonly needed: 'agent' | string;
  /** Oldest that the agent's commands are known to work with: of Ubuntu 22.04. */
  readonly least?: string;
}

export const tools: readonly Tool[] = [
  { name: 'ip', package: 'iproute2', argv: ['ip', '-V'], needed: 'agent', least: '5.15' },
  { name: 'bridge', package: 'iproute2', argv: ['bridge', '-V'], needed: 'agent', least: '5.15' },
  { name: 'nft', package: 'nftables', argv: ['nft', '--version'], needed: 'agent', least: '1.0.2' },
  { name: 'nsenter', package: 'util-linux', argv: ['nsenter', '--version'], needed: 'agent' },
  { name: 'sysctl', package: 'procps', argv: ['sysctl', '--version'], needed: 'agent' },
  { name: 'iptables', package: 'iptables', argv: ['iptables', '--version'], needed: 'agent' },
  { name: 'conntrack', package: 'conntrack', argv: ['conntrack', '--version'], needed: 'agent' },
  {
    name: 'unshare',
    package: 'util-linux',
    argv: ['unshare', '--version'],
    needed: '`trama debug --host-tools` and the check of the kernel',
  },
  { name: 'ping', package: 'iputils-ping', argv: ['ping', '-V'], needed: 'the checks of paths to other nodes' },
  { name: 'ethtool', package: 'ethtool', argv: ['ethtool', '--version'], needed: 'the check of checksum offload' },
];

export interface ToolFact {
  readonly tool: Tool;
  /** What it printed; absent: it is not there. */
  readonly printed?: string;
}

export function judgeTools(facts: readonly ToolFact[]): Finding[] {
  return facts.map(judgeTool);
}

function judgeTool({ tool, printed }: ToolFact): Finding {
  const { pass, warn, fail } = about('tools');
  const install = `Install it: \`apt-get install ${tool.package}\`, or your distribution's package of that name.`;
  if (printed === undefined) {
    if (tool.needed === 'agent') return fail(tool.name, 'is not installed, or not in PATH', install);
    return warn(tool.name, `is not installed, or not in PATH: without it, ${tool.needed} cannot be done`, install);
  }
  const version = /\d+(?:\.\d+)+|s?20\d{4,6}/.exec(printed)?.[0];
  if (version === undefined) return pass(tool.name, 'is there');
  if (tool.least === undefined || isAtLeast(version, tool.least)) return pass(tool.name, version);
  return warn(
    tool.name,
    `${version} is older than any that Trama is known to work with (${tool.least})`,
    `Update the package ${tool.package}, or the distribution.`,
  );
}

function isAtLeast(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number));
  for (let i = 0; i < (want?.length ?? 0); i++) {
    const difference = (have?.[i] ?? 0) - (want?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

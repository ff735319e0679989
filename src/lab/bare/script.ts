/**
 * A lab as two plain shell scripts, made of the very steps that `up` and `down` apply. They run with no Trama installed, and may
 * be run again: what is there already is left as it is.
 */
import { commandsOf, shellLine } from '../../kernel/kernel.ts';
import { disksOf } from '../machines/names.ts';
import { removalTold, type Told } from '../machines/removal.ts';
import { firstTold, secondTold } from '../machines/told.ts';
import type { LabModel, LabNode } from '../topology/model.ts';
import { downSteps, type Planned, programsOf, upStages } from './plan.ts';

export interface Scripts {
  readonly 'network_setup.sh': string;
  readonly 'network_delete.sh': string;
}

export function scripts(model: LabModel, file: string): Scripts {
  // The name of a file may be of several lines, which would be commands in a script.
  const told = oneLine(file);
  return { 'network_setup.sh': setup(model, told), 'network_delete.sh': removal(model, told) };
}

function setup(model: LabModel, file: string): string {
  const { namespaces, rest } = upStages(model);
  const written = (planned: readonly Planned[]) =>
    planned.flatMap(({ step, sentence }) => [
      `# ${oneLine(sentence)}`,
      ...commandsOf(step).map((argv) => `${guard(argv)}${shellLine(argv)}`),
      '',
    ]);
  const lines = [
    ...written(namespaces),
    ...firstTold(model).flatMap(toldLines),
    ...written(rest),
    ...secondTold(model).flatMap(toldLines),
  ];
  const programs = programsOf(model).flatMap(({ node, argv }) => [
    `# What runs in ${node.name}.`,
    `[ -n "$(ip netns pids ${node.namespace})" ] || setsid ${shellLine(argv)} </dev/null >/dev/null 2>&1 &`,
    '',
  ]);
  return `#!/bin/sh
# Builds the network ${model.name}, as \`trama lab up ${file}\` does. It takes root, iproute2${needs(model)} and
# util-linux. It may be run again: what is there already stays. network_delete.sh removes it all.
set -eu

for tool in ${toolsOf(model).join(' ')}; do
  command -v "$tool" >/dev/null || { echo "there is no $tool: install it, or add its directory to PATH" >&2; exit 1; }
done
${refusalOfDisks(model)}
# Whether ip, asked this in a namespace, shows anything.
shown() { [ -n "$(ip -n "$@" 2>/dev/null)" ]; }
# Whether the bridge or VXLAN device of a namespace has this entry.
listed() { bridge -n "$1" fdb show dev "$2" 2>/dev/null | grep -q "^$3 dst $4 "; }

${[...lines, ...programs].join('\n').trimEnd()}
`;
}

/** As `up` refuses them. In a lab that is there, or was begun, namespaces are: they come before the disks. */
function refusalOfDisks({ name, nodes }: LabModel): string {
  const host = nodes.find(({ runs }) => runs.length > 0);
  if (host === undefined) return '';
  const disks = disksOf(name);
  return `
# What hosts had on their disks outlasts a restart of this machine.
[ -e /run/netns/${host.namespace} ] || [ ! -e ${disks} ] || {
  echo "there is what hosts had on their disks, ${disks}, already: remove it with network_delete.sh" >&2
  exit 1
}
`;
}

const toldLines = ({ sentence, commands }: Told): string[] => [`# ${oneLine(sentence)}`, ...commands, ''];

/** What else than iproute2 and util-linux is run. */
function needs(model: LabModel): string {
  const runs = (role: LabNode['runs'][number]) => model.nodes.some((node) => node.runs.includes(role));
  const tools = [
    ...(needsNft(model) ? ['nftables'] : []),
    ...(runs('engine') ? ['Docker', 'busybox-static'] : []),
    ...(runs('etcd') ? ['etcd'] : []),
    ...(runs('server') || runs('agent') ? ['Trama, whose servers and agents it starts'] : []),
  ];
  return tools.map((tool) => `, ${tool}`).join('');
}

/** What is looked for before anything is built. */
function toolsOf(model: LabModel): string[] {
  const runs = (role: LabNode['runs'][number]) => model.nodes.some((node) => node.runs.includes(role));
  return [
    ...['ip', 'nsenter', 'setsid', 'sysctl'],
    ...(needsNft(model) ? ['nft'] : []),
    ...(runs('engine') ? ['dockerd', 'docker', 'busybox'] : []),
    ...(runs('etcd') ? ['etcd', 'etcdctl'] : []),
    ...(runs('server') || runs('agent') ? ['trama'] : []),
  ];
}

const needsNft = (model: LabModel) =>
  model.nodes.some(({ nat }) => nat !== undefined) || model.cables.some(({ loss }) => loss > 0);

/** Commands that fail where the thing is already: skipped then. */
function guard([tool, ...args]: readonly string[]): string {
  if (tool === 'ip' && args[0] === 'netns') return `[ -e /run/netns/${args[2]} ] || `;
  const [, ns = '', object, verb, ...rest] = args;
  if (args.includes('DOCKER-USER'))
    return `${shellLine([tool ?? '', ...args.map((word) => (word === '-I' ? '-C' : word))])} 2>/dev/null || `;
  if (tool === 'ip' && object === 'link' && verb === 'add') return `shown ${ns} link show dev ${rest[1]} || `;
  if (tool === 'ip' && object === 'route')
    return `shown ${ns} route show ${rest[0]} proto ${rest[rest.indexOf('proto') + 1]} || `;
  if (tool === 'bridge' && verb === 'append') return `listed ${ns} ${rest[2]} ${rest[0]} ${rest[4]} || `;
  return '';
}

function removal(model: LabModel, file: string): string {
  const lines = downSteps(model.nodes.map(({ namespace }) => namespace)).flatMap((planned, at) => {
    const ns = model.nodes[at]?.namespace ?? '';
    return [
      `# ${oneLine(planned.sentence)}`,
      `if [ -e /run/netns/${ns} ]; then`,
      `  ip netns pids ${ns} | xargs -r kill -9 || :`,
      ...commandsOf(planned.step).map((argv) => `  ${shellLine(argv)}`),
      'fi',
      '',
    ];
  });
  const machines = model.nodes.some(({ runs }) => runs.length > 0);
  lines.push(...(machines ? removalTold(model.name).flatMap(toldLines) : []));
  return `#!/bin/sh
# Removes the network ${model.name} that network_setup.sh or \`trama lab up ${file}\` built, with whatever runs in it.
set -eu

${lines.join('\n').trimEnd()}
`;
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ');

/**
 * What is no kernel state, as lines of shell that come to the same as what `start.ts` does: for whoever reads, and for the scripts. They
 * count on functions that are told first.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellLine } from '../../kernel/kernel.ts';
import { joinArguments, pluginSocket, serverSocket, storeArguments } from '../daemons.ts';
import { dockerdArguments } from '../engine.ts';
import { etcdctlArgv, leaderArgv, memberArgv } from '../etcd.ts';
import { labImage } from '../image.ts';
import { initScript, repository } from '../machine.ts';
import { addressOf, type LabModel, type LabNode } from '../topology/model.ts';
import {
  agentArguments,
  containerCommand,
  containersOf,
  hostOf,
  networkCommands,
  type Placed,
  reached,
  running,
} from './commands.ts';
import { imagesOf } from './images.ts';
import { machinesOf, placeOf } from './places.ts';
import type { Told } from './removal.ts';

const functionsFile = fileURLToPath(new URL('functions.sh', import.meta.url));
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

/** What the lines of the others use. */
function functionsTold({ name }: LabModel): Told {
  return {
    sentence: 'Name what is done on hosts, with the program that each of them begins with.',
    commands: [
      `lab=${name}`,
      ...linesOf(functionsFile),
      `mkdir -p "$disks" && cat >"$disks/init.sh" <<'END_OF_INIT'`,
      ...linesOf(initScript),
      'END_OF_INIT',
    ],
  };
}

/** Before the cables: see `Machinery.first`. */
export function firstTold(model: LabModel): Told[] {
  if (machinesOf(model).length === 0) return [];
  return [
    functionsTold(model),
    ...machinesOf(model).flatMap((node) => [powerTold(node), ...engineTold(model, node)]),
    ...containersOf(model).wired.map((node) => containerTold(model, node)),
  ];
}

/** After the cables: see `Machinery.second`. */
export function secondTold(model: LabModel): Told[] {
  return [
    ...daemonsTold(model),
    ...model.networks.flatMap((network) =>
      networkCommands(model, network).map((command) => ({
        sentence: `Make the network ${network.name} on ${command.on.name}, driver ${network.driver}.`,
        commands: [`${present(command.on, network.name, command)} || ${on(command)}`],
      })),
    ),
    ...containersOf(model).joined.map((node) => containerTold(model, node)),
  ];
}

const on = ({ on: { name }, argv }: Placed): string => `on ${shellLine([name, ...argv])}`;
const quietly = (line: string): string => `${line} >/dev/null 2>&1`;

/** Whether there is such a network or container already. */
function present({ name: host }: LabNode, name: string, { argv: [tool] }: Placed, what = 'network'): string {
  return quietly(`on ${host} ${tool} ${what === 'network' ? 'network inspect' : 'inspect'} ${name}`);
}

function powerTold(node: LabNode): Told {
  const { name, runs } = node;
  // Daemons of Trama's must be seen from inside, wherever they lie.
  const visible = runs.some((role) => role !== 'engine') ? [repository, dirname(process.execPath)] : [];
  return {
    sentence: `Power on ${name}: a machine of its own, with /etc, /var/lib, /run and processes of its own.`,
    commands: [`powered ${name} || power ${shellLine([name, addressOf(node) ?? '127.0.1.1', ...visible])}`],
  };
}

function engineTold(model: LabModel, node: LabNode): Told[] {
  const { name, runs } = node;
  if (!runs.includes('engine')) return [];
  const argv = shellLine(['dockerd', ...dockerdArguments(placeOf(model.name, node).cgroup)]);
  const there = `on ${name} docker version`;
  const config = `-c 'CMD ["sh"]' -c 'ENV PATH=/bin' -c 'WORKDIR /www'`;
  // What is taken for an image has no letter that needs quotes.
  const has = (image: string) => quietly(`on ${name} docker image inspect ${image}`);
  return [
    {
      sentence: `Start the Docker Engine of ${name}, and wait until it answers.`,
      commands: [`${quietly(there)} || { daemon ${name} dockerd ${argv}; until_so ${there}; }`],
    },
    {
      sentence: `Give it the images that it is to have.`,
      commands: [
        `${has(labImage)} || busybox_image | on ${name} docker import ${config} - ${labImage} >/dev/null`,
        ...imagesOf(model).map((image) => `${has(image)} || docker save ${image} | on ${name} docker load --quiet`),
      ],
    },
  ];
}

function containerTold(model: LabModel, node: LabNode): Told {
  const command = containerCommand(model, node);
  const host = hostOf(model, node)?.name ?? '';
  const network = node.real?.joins === undefined ? "whose network is the lab's to wire" : networkOf(node);
  return {
    sentence: `Run the container ${node.name} on ${host}, ${network}.`,
    commands:
      command === undefined
        ? []
        : [`${present(command.on, node.name, command, 'container')} || ${on(command)}`, `attach ${host} ${node.name}`],
  };
}

function networkOf({ real }: LabNode): string {
  const joins = real?.joins;
  if (joins?.how === 'host') return "in the host's own network";
  if (joins?.how === 'none') return 'without a network';
  return joins?.how === 'container' ? `in the network of ${joins.node}` : `in the network ${joins?.network ?? ''}`;
}

function daemonsTold(model: LabModel): Told[] {
  const members = reached(running(model, 'etcd'));
  const servers = reached(running(model, 'server'));
  const agents = running(model, 'agent');
  const [first] = servers;
  const runs = (host: string, program: string) => quietly(`on ${host} pgrep -x ${program}`);
  return [
    ...members.map((member) => ({
      sentence: `Start the member of etcd on ${member.name}.`,
      commands: [
        `${runs(member.name, 'etcd')} || daemon ${shellLine([member.name, 'etcd', ...memberArgv(member, members)])}`,
      ],
    })),
    // A server gives up before they have found one another on a busy machine.
    ...members.slice(0, 1).map((member) => ({
      sentence: 'Wait until they have a leader.',
      commands: [`until_so on ${shellLine([member.name, ...etcdctlArgv(member, ...leaderArgv)])}`],
    })),
    ...servers.map(({ name }) => ({
      sentence: `Start the server on ${name}${members.length === 0 ? ', over a store of its own' : ', over that etcd'}.`,
      commands: untilThere(name, serverSocket, shellLine(['server', 'trama', 'server', ...storeArguments(members)])),
    })),
    ...(first === undefined || agents.length === 0
      ? []
      : [
          {
            sentence: 'Make a token by which agents join.',
            commands: [`token=$(on ${first.name} trama token create --uses ${agents.length})`],
          },
        ]),
    ...agents.map((node) => ({
      sentence: `Start the agent on ${node.name}: it joins, and takes care of the host's networks and containers.`,
      commands: untilThere(
        node.name,
        pluginSocket,
        // The token is the shell's to fill in, and its letters need no quotes.
        `agent trama agent ${joinArguments('"$token"', servers).join(' ')} ${shellLine(agentArguments(node))}`,
      ),
    })),
    ...(first === undefined || agents.length === 0 ? [] : [nodesTold(first.name, agents.length)]),
  ];
}

const untilThere = (host: string, socket: string, line: string): string[] => [
  `on ${host} test -S ${socket} || { daemon ${host} ${line}; until_so on ${host} test -S ${socket}; }`,
];

const nodesTold = (server: string, count: number): Told => ({
  sentence: 'Wait until the server has heard of all agents.',
  commands: [`until_so nodes_ready ${server} ${count}`],
});

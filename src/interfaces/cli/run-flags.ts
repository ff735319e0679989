/** What people write after `trama run`, as a workload. */
import { type Command, Option } from 'commander';
import { canonicalAddress } from '../../domain/address.ts';
import { checkAlias, checkContainerName, checkNodeName } from '../../domain/names.ts';
import { checkNetworkMode, modeText, parsePidMode } from '../../domain/network-mode.ts';
import type { PidMode, PublishedPort, RestartPolicy, WorkloadSpec } from '../../domain/records.ts';
import { checkPublishedPorts, checkRestartPolicy, parsePublishedPorts } from '../../domain/run-options.ts';
import type { Params } from '../../protocol/methods.ts';
import { type NetworkFlag, parseNetworkFlag } from './network-flag.ts';
import { each, UsageError, usage } from './usage.ts';
import { environment, hostname, pair } from './values.ts';

export interface RunFlags {
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly rm?: boolean;
  readonly onNodeLoss?: 'drop' | 'reschedule';
  readonly name?: string;
  readonly node?: string;
  readonly network?: NetworkFlag[];
  readonly pid?: PidMode;
  readonly ip?: string;
  readonly alias?: string[];
  readonly publish?: PublishedPort[][];
  readonly env?: (string | undefined)[];
  readonly restart: RestartPolicy;
  readonly hostname?: string;
  readonly registryAuth?: boolean;
  readonly label?: (readonly [string, string])[];
}

export function addRunFlags(command: Command, env: Readonly<Record<string, string | undefined>>): Command {
  const option = <T>(flags: string, says: string, rule: (text: string) => T) =>
    new Option(flags, says).argParser(usage(rule));
  const repeated = <T>(flags: string, says: string, rule: (text: string) => T) =>
    new Option(flags, `${says}; may be repeated`).argParser(each(rule));
  return command
    .option('-d, --detach', 'print its id when it runs, and leave it')
    .option('-i, --interactive', 'send it our input')
    .option('-t, --tty', 'give it a terminal')
    .option('--rm', 'remove it when it has ended')
    .addOption(
      new Option(
        '--on-node-loss <WHAT>',
        'when its node is lost (evicted, leaves, is removed by force): drop it, or reschedule it to another node',
      )
        .choices(['drop', 'reschedule'])
        .default('drop'),
    )
    .addOption(option('--name <NAME>', 'what it is called (default: a made-up name)', checkContainerName))
    .addOption(option('--node <NODE>', 'where it runs (default: the least loaded)', checkNodeName))
    .addOption(
      repeated(
        '--network <NETWORK|MODE>',
        'a network it is on (default: bridge, of each host alone), or host, none, container:NAME',
        parseNetworkFlag,
      ),
    )
    .addOption(option('--pid <WHOSE>', 'whose processes it sees: container:NAME or host', parsePidMode))
    .addOption(option('--ip <IP>', 'its address on the first network (default: a free one)', canonicalAddress))
    .addOption(repeated('--alias <NAME>', 'another name on its networks', checkAlias))
    .addOption(
      repeated(
        '-p, --publish <HOST:CONTAINER>',
        'ports of its node, [IP:][HOST:]CONTAINER[/udp], each a port or a range (default HOST: any free one)',
        parsePublishedPorts,
      ),
    )
    .addOption(repeated('-e, --env <KEY=VALUE>', 'a variable of its environment', (text) => environment(env, text)))
    .addOption(
      option('--restart <POLICY>', 'no, always, unless-stopped or on-failure', checkRestartPolicy).default('no'),
    )
    .option('--registry-auth', "pull with this host's docker login, not the node's")
    .addOption(option('--hostname <NAME>', "its host name (default: the container's id)", hostname))
    .addOption(repeated('-l, --label <KEY=VALUE>', 'a label', pair));
}

/** @throws UsageError when flags contradict each other. */
export function workloadOf(image: string, command: readonly string[], flags: RunFlags): Params<'workload.run'> {
  checkTogether(flags);
  const { mode, networks } = networksOf(flags);
  const spec: WorkloadSpec = {
    image,
    command,
    env: (flags.env ?? []).filter((one) => one !== undefined),
    networks,
    ...(mode === undefined ? {} : { networkMode: mode }),
    ...(flags.pid === undefined ? {} : { pid: flags.pid }),
    ports: checkedPorts(flags),
    restart: flags.restart,
    tty: flags.tty ?? false,
    stdin: flags.interactive ?? false,
    labels: Object.fromEntries(flags.label ?? []),
    ...(flags.detach ? {} : { attach: true }),
    ...(flags.rm ? { autoRemove: true } : {}),
    ...(flags.onNodeLoss === 'reschedule' ? { onNodeLoss: 'reschedule' as const } : {}),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
  };
  return {
    // The schema's arrays are not readonly; a copy is nobody else's.
    spec: structuredClone(spec) as Params<'workload.run'>['spec'],
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.node === undefined ? {} : { node: flags.node }),
  };
}

/** @throws UsageError when they clash with one another. */
const checkedPorts = ({ publish = [] }: RunFlags) => usage(checkPublishedPorts)(publish.flat());

type Attached = WorkloadSpec['networks'][number];

/** @throws UsageError */
function networksOf({ network = [], ip, alias = [], publish = [], hostname }: RunFlags) {
  const modes = network.flatMap(({ mode }) => (mode === undefined ? [] : [mode]));
  const named = new Map(network.flatMap((flag) => (flag.mode === undefined ? [[flag.network, flag] as const] : [])));
  const [mode, other] = new Map(modes.map((one) => [modeText(one), one])).values();
  if (mode !== undefined && other !== undefined) {
    const both = `--network ${modeText(mode)} and --network ${modeText(other)}`;
    throw new UsageError(`${both} contradict each other: leave one out`);
  }
  usage(checkNetworkMode)({
    networks: named.size,
    ports: publish.length,
    ...(mode === undefined ? {} : { networkMode: mode }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(ip === undefined ? {} : { address: ip }),
    ...(alias[0] === undefined ? {} : { alias: alias[0] }),
  });
  const networks = [...named.values()].map(({ network, address, aliases }, at): Attached => {
    const first = at === 0 ? ip : undefined;
    if (address !== undefined && first !== undefined) {
      throw new UsageError(`network ${network} is given two addresses, ${address} and --ip ${first}: leave one out`);
    }
    const own = address ?? first;
    return { network, aliases: [...aliases, ...alias], ...(own === undefined ? {} : { address: own }) };
  });
  return { mode, networks };
}

function checkTogether({ rm, restart, network, ip, alias }: RunFlags): void {
  if (network === undefined && ip !== undefined) throw new UsageError('--ip needs a --network that the address is of');
  if (network === undefined && alias !== undefined)
    throw new UsageError('--alias needs a --network that knows the name');
  if (rm && restart !== 'no')
    throw new UsageError(`--rm and --restart ${restart} contradict each other: leave one out`);
}

/** What people write after `trama run`, as a workload. */
import { type Command, Option } from 'commander';
import { canonicalAddress } from '../../domain/address.ts';
import { checkAlias, checkContainerName, checkNetworkName, checkNodeName } from '../../domain/names.ts';
import type { PublishedPort, RestartPolicy, WorkloadSpec } from '../../domain/records.ts';
import { checkRestartPolicy, parsePublishedPort } from '../../domain/run-options.ts';
import type { Params } from '../../protocol/methods.ts';
import { each, UsageError, usage } from './usage.ts';
import { environment, hostname, pair } from './values.ts';

export interface RunFlags {
  readonly detach?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly rm?: boolean;
  readonly name?: string;
  readonly node?: string;
  readonly network?: string[];
  readonly ip?: string;
  readonly alias?: string[];
  readonly publish?: PublishedPort[];
  readonly env?: (string | undefined)[];
  readonly restart: RestartPolicy;
  readonly hostname?: string;
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
    .addOption(option('--name <NAME>', 'what it is called (default: a made-up name)', checkContainerName))
    .addOption(option('--node <NODE>', 'where it runs (default: the least loaded)', checkNodeName))
    .addOption(repeated('--network <NETWORK>', 'a network it is on', checkNetworkName))
    .addOption(option('--ip <IP>', 'its address on the first network (default: a free one)', canonicalAddress))
    .addOption(repeated('--alias <NAME>', 'another name on its networks', checkAlias))
    .addOption(
      repeated('-p, --publish <HOST:CONTAINER>', 'a port of its node, [IP:]HOST:CONTAINER[/udp]', parsePublishedPort),
    )
    .addOption(repeated('-e, --env <KEY=VALUE>', 'a variable of its environment', (text) => environment(env, text)))
    .addOption(
      option('--restart <POLICY>', 'no, always, unless-stopped or on-failure', checkRestartPolicy).default('no'),
    )
    .addOption(option('--hostname <NAME>', "its host name (default: the container's id)", hostname))
    .addOption(repeated('-l, --label <KEY=VALUE>', 'a label', pair));
}

/** @throws UsageError when flags contradict each other. */
export function workloadOf(image: string, command: readonly string[], flags: RunFlags): Params<'workload.run'> {
  checkTogether(flags);
  const networks = [...new Set(flags.network)];
  const spec: WorkloadSpec = {
    image,
    command,
    env: (flags.env ?? []).filter((one) => one !== undefined),
    networks: networks.map((network, at) => ({
      network,
      aliases: flags.alias ?? [],
      ...(at === 0 && flags.ip !== undefined ? { address: flags.ip } : {}),
    })),
    ports: flags.publish ?? [],
    restart: flags.restart,
    tty: flags.tty ?? false,
    stdin: flags.interactive ?? false,
    labels: Object.fromEntries(flags.label ?? []),
    ...(flags.detach ? {} : { attach: true }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
  };
  return {
    // The schema's arrays are not readonly; a copy is nobody else's.
    spec: structuredClone(spec) as Params<'workload.run'>['spec'],
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.node === undefined ? {} : { node: flags.node }),
  };
}

function checkTogether({ detach, rm, restart, network, ip, alias }: RunFlags): void {
  if (network === undefined && ip !== undefined) throw new UsageError('--ip needs a --network that the address is of');
  if (network === undefined && alias !== undefined)
    throw new UsageError('--alias needs a --network that knows the name');
  if (rm && restart !== 'no')
    throw new UsageError(`--rm and --restart ${restart} contradict each other: leave one out`);
  if (rm && detach) {
    throw new UsageError(
      '--rm needs us to see the end: leave out -d, or remove the container with `trama rm -f` later',
    );
  }
}

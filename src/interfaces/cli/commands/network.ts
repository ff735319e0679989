/** `network create|ls|inspect|rm`; `connect` and `disconnect`: `connections.ts`. */
import { type Command, Option } from 'commander';
import { whyShared } from '../../../domain/lan.ts';
import { checkNetworkName, checkNewNetworkName } from '../../../domain/names.ts';
import { checkNetworkOptions } from '../../../domain/network-options.ts';
import { checkDiscovery, checkDriver, checkForDriver } from '../../../domain/network-rules.ts';
import type { Discovery, Driver } from '../../../domain/records.ts';
import type { NetworkView } from '../../../protocol/views.ts';
import { define, type Format, formatOption, run, show, widthOf } from '../define.ts';
import { agrees, type Keys } from '../filters.ts';
import { type ListFlags, listOptions, showList } from '../listing.ts';
import type { Session } from '../session.ts';
import { each, usage } from '../usage.ts';
import { mtu, pair, subnet, vni } from '../values.ts';
import { networkSheet, networkTable } from '../views.ts';
import { connectionCommands } from './connections.ts';
import { inspectEach } from './inspect-each.ts';

interface CreateFlags extends Format {
  readonly driver: Driver;
  readonly subnet?: string;
  readonly discovery: Discovery;
  readonly vni?: number;
  readonly mtu?: number;
  readonly attach?: string;
  readonly via?: string;
  readonly parent?: string;
  readonly mode?: string;
  readonly gateway?: string;
  readonly range?: string;
  readonly dhcp?: boolean;
  readonly internal?: boolean;
  readonly opt?: (readonly [string, string])[];
  readonly dryRun?: boolean;
}

const keys: Keys<NetworkView> = {
  name: ({ name }) => name,
  id: ({ id }) => id,
  driver: ({ driver }) => driver,
  node: ({ nodes }) => nodes.map(({ node }) => node),
};

export function networkCommands(program: Command, session: Session): void {
  const network = define(program, 'network', 'Networks that span the hosts', ['network create app', 'network ls']);
  create(network, session);
  const ls = define(network, 'ls', 'List the networks', [
    'network ls',
    'network ls --filter driver=routed',
    'network ls -o json',
  ]);
  listOptions(ls, keys, 'names').action(
    run(session, (flags: ListFlags) =>
      showList<NetworkView>(session, flags, {
        topics: ['networks', 'containers'],
        items: async () => (await session.ask('network.list', {})).filter((one) => agrees(one, flags, keys)),
        word: ({ name }) => name,
        table: networkTable,
      }),
    ),
  );
  define(network, 'inspect', 'Show all there is to know of networks', [
    'network inspect app',
    'network inspect app -o json',
  ])
    .argument('<NETWORK...>', 'names of networks', each(checkNetworkName))
    .addOption(formatOption())
    .action(
      run(session, async (names: string[], format: Format) =>
        inspectEach(session, format, names, (name) => session.ask('network.inspect', { name }), networkSheet),
      ),
    );
  define(network, 'rm', 'Remove networks that no container uses', ['network rm app', 'network rm app db'])
    .argument('<NETWORK...>', 'names of networks', each(checkNetworkName))
    .action(
      run(session, (names: string[]) =>
        session.forEach(names, async (name) => void (await session.ask('network.remove', { name }))),
      ),
    );
  connectionCommands(network, session);
}

function create(network: Command, session: Session): void {
  const command = define(network, 'create', 'Create a network, and show it', [
    'network create app',
    'network create app --subnet 10.42.0.0/16',
    'network create local --driver bridge',
    'network create fast --driver routed',
    'network create far --driver routed --via 10.0.1.1,10.0.2.1 --attach p2p',
    'network create office --driver lan --parent eth1 --subnet 192.168.1.0/24 --range 192.168.1.128/26',
    'network create lab --discovery multicast --internal --dry-run',
  ]);
  command
    .argument('<NAME>', 'what it is called', usage(checkNewNetworkName))
    .addOption(
      new Option(
        '--driver <DRIVER>',
        "overlay: VXLAN between hosts; routed: routes between hosts; lan: in the hosts' LAN; bridge: each host alone",
      )
        .default('overlay')
        .argParser(usage(checkDriver)),
    )
    .addOption(new Option('--subnet <CIDR>', 'its addresses (default: a free subnet)').argParser(usage(subnet)))
    .addOption(
      new Option('--discovery <HOW>', 'how nodes find each other: registry or multicast')
        .default('registry')
        .argParser(usage(checkDiscovery)),
    )
    .addOption(new Option('--vni <N>', 'its VXLAN network identifier (default: a free one)').argParser(usage(vni)))
    .addOption(new Option('--mtu <N>', "bytes (default: the underlay's, of an overlay less 50)").argParser(usage(mtu)))
    .option('--attach <ATTACHMENT>', 'routed: containers share a bridge (bridge) or have a link each (p2p)')
    .option(
      '--via <ROUTER>',
      'routed: address of the router between the hosts, or of that in each LAN: A,B (default: they reach one another)',
    )
    .option('--parent <INTERFACE>', "lan: the hosts' interface in the LAN, or a bridge of theirs")
    .option('--mode <MODE>', 'lan: containers behind a bridge in its place (bridge), or each beside it (macvlan)')
    .option('--gateway <IP>', "lan: the LAN's router (default: that of the hosts' default route there)")
    .option('--range <CIDR>', 'lan: the part of the subnet that addresses are assigned from (default: all of it)')
    .option('--dhcp', "lan: addresses are those of the LAN's own DHCP server")
    .option('--internal', 'no way out of the network')
    .addOption(new Option('--opt <KEY=VALUE>', 'an option of the driver').argParser(each(pair)).hideHelp())
    .option('--dry-run', 'only show what would be created')
    .addOption(formatOption())
    .action(run(session, (name: string, flags: CreateFlags) => createOne(session, name, flags)));
}

/** Options of drivers that have a flag of their own. */
const optionFlags = ['attach', 'via', 'parent', 'mode', 'gateway', 'range'] as const;

async function createOne(session: Session, name: string, flags: CreateFlags): Promise<number> {
  const { driver, discovery, internal = false, dryRun = false } = flags;
  const own = optionFlags.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]]));
  const options = {
    ...Object.fromEntries(flags.opt ?? []),
    ...Object.fromEntries(own),
    ...(flags.dhcp ? { dhcp: 'true' } : {}),
  };
  usage(checkForDriver)(driver, { discovery, ...(flags.vni === undefined ? {} : { vni: flags.vni }) });
  usage(checkNetworkOptions)(driver, options);
  const made = await session.ask('network.create', {
    name,
    driver,
    discovery,
    internal,
    dryRun,
    options,
    ...(flags.subnet === undefined ? {} : { subnet: flags.subnet }),
    ...(flags.vni === undefined ? {} : { vni: flags.vni }),
    ...(flags.mtu === undefined ? {} : { mtu: flags.mtu }),
  });
  await show(session, flags, made, (one) => networkTable([one], widthOf(session)));
  const shared = whyShared({ driver, options: made.options });
  if (shared !== undefined) await session.note(`trama: network ${name}: ${shared}`);
  if (dryRun) await session.note('dry run: nothing was created');
  return 0;
}

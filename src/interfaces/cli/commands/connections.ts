/** `network connect|disconnect`. */
import { type Command, Option } from 'commander';
import { canonicalAddress } from '../../../domain/address.ts';
import { checkContainerReference } from '../../../domain/container-reference.ts';
import { checkAlias, checkNetworkName } from '../../../domain/names.ts';
import { containerNames } from '../container-names.ts';
import { define, run } from '../define.ts';
import type { Session } from '../session.ts';
import { each, usage } from '../usage.ts';

/** The engine, and its network plugin, take part. Milliseconds. */
const deadlineMs = 60_000;

export function connectionCommands(network: Command, session: Session): void {
  define(network, 'connect', 'Put a container on a further network, also while it runs', [
    'network connect db web',
    'network connect db web --ip 10.43.0.9 --alias api',
    'network connect db h2/compose_web_1',
  ])
    .argument('<NETWORK>', 'name of the network', usage(checkNetworkName))
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .addOption(new Option('--ip <IP>', 'its address there (default: a free one)').argParser(usage(canonicalAddress)))
    .addOption(new Option('--alias <NAME>', 'another name there; may be repeated').argParser(each(checkAlias)))
    .action(
      run(session, async (name: string, word: string, { ip, alias = [] }: { ip?: string; alias?: string[] }) => {
        const [container = word] = await containerNames(session, [word]);
        const address = ip === undefined ? {} : { address: ip };
        await session.ask('network.connect', { network: name, container, aliases: alias, ...address }, { deadlineMs });
        await session.print(container);
        return 0;
      }),
    );
  define(network, 'disconnect', 'Take a container off a network', ['network disconnect db web'])
    .argument('<NETWORK>', 'name of the network', usage(checkNetworkName))
    .argument('<CONTAINER>', 'its name or id', usage(checkContainerReference))
    .option('-f, --force', 'also when the engine cannot find it there')
    .action(
      run(session, async (name: string, word: string, { force = false }: { force?: boolean }) => {
        const [container = word] = await containerNames(session, [word]);
        await session.ask('network.disconnect', { network: name, container, force }, { deadlineMs });
        await session.print(container);
        return 0;
      }),
    );
}

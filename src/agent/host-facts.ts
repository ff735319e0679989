/** What the drivers must know of this host and the kernel cannot be asked in general: what Docker has brought with it. */
import type { Host } from '../drivers/drivers.ts';
import type { Spawn } from '../platform/platform.ts';
import type { Underlay } from './underlay.ts';

/** Both can come later, when Docker is started. */
export async function hostFacts(
  node: string,
  underlay: Underlay,
  spawn: Spawn,
  readFile: (path: string) => Promise<string>,
): Promise<Host> {
  const hasSetting = (key: string) =>
    readFile(`/proc/sys/net/${key}`).then(
      () => true,
      () => false,
    );
  const [dockerUser, bridgeNetfilter, ipv6] = await Promise.all([
    hasDockerUser(spawn),
    hasSetting('bridge/bridge-nf-call-iptables'),
    hasSetting('ipv6/conf/all/disable_ipv6'),
  ]);
  const { address, interface: device, port, interfaces } = underlay;
  return {
    ...{ node, address, interface: device, interfaces, dockerUser, bridgeNetfilter, ipv6 },
    ...(port === undefined ? {} : { port }),
  };
}

async function hasDockerUser(spawn: Spawn): Promise<boolean> {
  try {
    return (await spawn({ argv: ['iptables', '-w', '-S', 'DOCKER-USER'] })).code === 0;
  } catch {
    return false;
  }
}

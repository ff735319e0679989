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
  const [dockerUser, bridgeNetfilter] = await Promise.all([hasDockerUser(spawn), hasBridgeNetfilter(readFile)]);
  return { node, address: underlay.address, interface: underlay.interface, dockerUser, bridgeNetfilter };
}

function hasBridgeNetfilter(readFile: (path: string) => Promise<string>): Promise<boolean> {
  return readFile('/proc/sys/net/bridge/bridge-nf-call-iptables').then(
    () => true,
    () => false,
  );
}

async function hasDockerUser(spawn: Spawn): Promise<boolean> {
  try {
    return (await spawn({ argv: ['iptables', '-w', '-S', 'DOCKER-USER'] })).code === 0;
  } catch {
    return false;
  }
}

import { writeFile } from 'node:fs/promises';
import { Failure } from '../domain/domain.ts';
import { type Spawn, spawn } from '../platform/platform.ts';
import type { EngineOptions } from './engine.ts';
import { LabHost } from './host.ts';
import type { Argv } from './host-processes.ts';
import { buildImage } from './image.ts';
import { repository, requireTools } from './machine.ts';
import { reapDeadLabs, removeSession } from './reaper.ts';
import { directoryOf, openSession } from './session.ts';
import { buildUnderlay, hostsSegment, outsideAddress, outsideSegment } from './underlay.ts';

export interface LabOptions {
  /** Bytes. Default 1500. */
  readonly underlayMtu?: number;
  /** What `trama`, `startServer` and `startAgent` run; default the checkout's bin/trama. */
  readonly program?: Argv;
  readonly spawn?: Spawn;
}

export interface HostOptions extends EngineOptions {
  /** In 10.99.0.0/24, without prefix length. Default: 10.99.0.11 and up, in the order of asking. */
  readonly address?: string;
  /** It has a second interface, `eth1`, in 10.98.0.0/24: with this address, or with none (''). */
  readonly second?: string;
  /** Whether a Docker Engine with the lab's image runs on it. Default true. */
  readonly docker?: boolean;
  /** Further arguments of dockerd, e.g. `--insecure-registry=…`. */
  readonly dockerArguments?: readonly string[];
  /** Directories, as in PATH, with programs to be found before the machine's: another dockerd and docker, say. */
  readonly path?: readonly string[];
}

/** Simulated hosts on one underlay. Disposing it leaves nothing of them on the machine. */
export interface Lab extends AsyncDisposable {
  readonly session: string;
  /** A directory that every host sees at the same path; goes with the lab. */
  readonly directory: string;
  /** The hosts' default gateway. */
  readonly gateway: string;
  /** A host without Docker beyond the gateway, where no container's subnet is known. */
  readonly outside: LabHost;
  readonly hosts: ReadonlyMap<string, LabHost>;
  /** Adds a host and boots it. Several may be added at once. */
  host(name: string, options?: HostOptions): Promise<LabHost>;
}

const lowestHostNumber = 11;

/** Makes an underlay with an outside and no host yet; first removes what killed labs left. */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  await requireTools(['ip', 'nft', 'nsenter', 'unshare', 'setpriv', 'sysctl', 'ping', 'bash']);
  const run = options.spawn ?? spawn;
  // The record stays with what could not be removed: it is tried again next time, and must not stop this lab.
  await reapDeadLabs(run).catch((error: Error) => process.emitWarning(error.message));
  const { name: session } = await openSession();
  const mtu = options.underlayMtu ?? 1500;
  const program: Argv = options.program ?? [`${repository}/bin/trama`];
  const hosts = new Map<string, LabHost>();
  let image: Promise<string> | undefined;
  const common = {
    images: async () => {
      image ??= storeImage(session, run);
      return [await image];
    },
    program,
    run,
  };
  const outside = new LabHost({
    ...common,
    cable: {
      session,
      name: 'outside',
      address: outsideAddress,
      segment: outsideSegment,
      route: hostsSegment.network,
      mtu,
    },
    docker: false,
    dockerArguments: [],
    path: [],
    engine: {},
  });
  const add = async (name: string, wish: HostOptions = {}) => {
    const address = wish.address ?? freeAddress(hosts);
    checkHost(name, address, hosts);
    const host = new LabHost({
      ...common,
      cable: {
        ...{ session, name, address, segment: hostsSegment, route: 'default', mtu },
        ...(wish.second === undefined ? {} : { second: wish.second }),
      },
      docker: wish.docker ?? true,
      dockerArguments: wish.dockerArguments ?? [],
      path: wish.path ?? [],
      engine: { liveRestore: wish.liveRestore ?? false },
    });
    hosts.set(name, host);
    if (wish.docker !== false) await requireTools(['dockerd', 'docker', 'iptables']);
    await host.boot();
    return host;
  };
  let closing = false;
  const pending = new Set<Promise<unknown>>();
  /** A boot that outlived the removal would leave something behind. */
  const tracked = async (work: () => Promise<LabHost>) => {
    if (closing) throw new Failure('unavailable', 'The lab is being removed.');
    const working = work();
    pending.add(working);
    return working.finally(() => pending.delete(working));
  };
  const dispose = async () => {
    closing = true;
    await Promise.allSettled(pending);
    await Promise.allSettled([outside, ...hosts.values()].map((host) => host.pullPlug()));
    await removeSession(session, run);
  };
  try {
    await buildUnderlay(session, mtu, run);
    await outside.boot();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    session,
    directory: directoryOf(session),
    gateway: hostsSegment.gateway,
    outside,
    hosts,
    host: (name, wish) => tracked(() => add(name, wish)),
    [Symbol.asyncDispose]: dispose,
  };
}

async function storeImage(session: string, run: Spawn): Promise<string> {
  const path = `${directoryOf(session)}/image.tar`;
  await writeFile(path, await buildImage(run));
  return path;
}

function freeAddress(hosts: ReadonlyMap<string, LabHost>): string {
  const taken = new Set([...hosts.values()].map((host) => host.address));
  for (let number = lowestHostNumber; number < 255; number += 1) {
    if (!taken.has(`10.99.0.${number}`)) return `10.99.0.${number}`;
  }
  throw new Failure('exhausted', `${hostsSegment.network} has no address left for another host.`);
}

/** Names become link and directory names, addresses become part of a MAC: both are checked before they are used. */
function checkHost(name: string, address: string, hosts: ReadonlyMap<string, LabHost>): void {
  const reserved = name === 'outside' || name === 'underlay' || name === 'lo' || name.startsWith('br-');
  if (reserved || !/^[a-z][a-z0-9-]{0,14}$/.test(name)) {
    throw new Failure(
      'invalid',
      `${JSON.stringify(name)} cannot be a host's name: 1 to 15 of a-z, 0-9 and -, first a letter.`,
    );
  }
  const number = Number(address.split('.')[3]);
  if (address !== `10.99.0.${number}` || number < 2 || number > 254) {
    throw new Failure('invalid', `${address} is not a host's address in ${hostsSegment.network}.`);
  }
  for (const other of hosts.values()) {
    if (other.name === name) throw new Failure('conflict', `Host ${name} is in the lab already.`);
    if (other.address === address) throw new Failure('conflict', `${address} is host ${other.name}'s address already.`);
  }
}

/** Whose network and processes a container has, when not its own: words for it, and what makes no sense together. */
import { Failure } from './errors.ts';
import { checkContainerName, checkNodeName } from './names.ts';
import { quoted } from './quoted.ts';
import type { Joined, NetworkMode, PidMode, WorkloadSpec } from './records.ts';

const joins = 'container:';

/** `host`, `none` or `container:NAME`, also `container:NODE/NAME`; undefined: it is the name of a network. @throws Failure `invalid` */
export function readNetworkMode(text: string): NetworkMode | undefined {
  if (text === 'host' || text === 'none') return text;
  return text.startsWith(joins) ? { container: checkJoined(text.slice(joins.length)) } : undefined;
}

/** `host` or `container:NAME`, also `container:NODE/NAME`. @throws Failure `invalid` */
export function parsePidMode(text: string): PidMode {
  if (text === 'host') return text;
  if (text.startsWith(joins)) return { container: checkJoined(text.slice(joins.length)) };
  throw new Failure('invalid', `${quoted(text)} is not a process namespace: write host or container:NAME`);
}

function checkJoined(text: string): string {
  const { node, name } = splitJoined(text);
  if (node !== undefined) checkNodeName(node);
  checkContainerName(name);
  return text;
}

/** `NAME` or `NODE/NAME`. */
export function splitJoined(text: string): { readonly node?: string; readonly name: string } {
  const slash = text.indexOf('/');
  return slash < 0 ? { name: text } : { node: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** As people write it. */
export const modeText = (mode: NetworkMode | PidMode): string =>
  typeof mode === 'string' ? mode : `${joins}${mode.container}`;

/** Containers that it joins; all of them are on its node. */
export function joinedBy({ networkMode, pid }: Pick<WorkloadSpec, 'networkMode' | 'pid'>): string[] {
  const joined = [networkMode, pid].filter((mode): mode is Joined => typeof mode === 'object');
  return [...new Set(joined.map(({ container }) => container))];
}

/** What a container asks of networks, be it as people write it or as it is stored. */
export interface AskedOfNetworks {
  readonly networkMode?: NetworkMode;
  readonly networks: number;
  readonly ports: number;
  readonly hostname?: string;
  readonly address?: string;
  readonly alias?: string;
}

/** @throws Failure `invalid` when a container without networks of its own asks for what only such a network has */
export function checkNetworkMode(asked: AskedOfNetworks): void {
  const { networkMode: mode, networks, ports, hostname, address, alias } = asked;
  if (mode === undefined) return;
  const shown = `--network ${modeText(mode)}`;
  const refuse = (why: string) => {
    throw new Failure('invalid', why);
  };
  if (networks > 0) {
    refuse(`a container with ${shown} is on no other network: leave out ${shown}, or the other --network`);
  }
  if (ports > 0) refuse(portsRefused(mode));
  if (address !== undefined) refuse(`--ip ${address} needs a network that the address is of, and ${shown} is none`);
  if (alias !== undefined) refuse(`--alias ${alias} needs a network that knows the name, and ${shown} is none`);
  if (hostname !== undefined && typeof mode === 'object') {
    refuse(`a container with ${shown} has the host name of ${mode.container} too: leave out --hostname`);
  }
}

function portsRefused(mode: NetworkMode): string {
  if (mode === 'host') {
    return "with --network host a container's ports are the host's own already, and cannot be published: leave out -p";
  }
  if (mode === 'none')
    return 'a container with --network none can be reached at no port: leave out -p, or --network none';
  return `the ports of ${modeText(mode)} are published by ${mode.container}, whose network it is: publish them there, and leave out -p`;
}

/** What a file asks for, ready to be compared with what is there. */
import { basename } from 'node:path';
import type { Path, Problems } from '../../../documents/problems.ts';
import { readDocument } from '../../../documents/read.ts';
import { isFailure } from '../../../domain/errors.ts';
import { appliedLabel, checkContainerName } from '../../../domain/names.ts';
import { joinedBy } from '../../../domain/network-mode.ts';
import { checkNetworkOptions } from '../../../domain/network-options.ts';
import { builtInNetwork, checkForDriver } from '../../../domain/network-rules.ts';
import type { Discovery, Driver } from '../../../domain/records.ts';
import type { Params } from '../../../protocol/methods.ts';
import { type RunFlags, workloadOf } from '../run-flags.ts';
import { UsageError } from '../usage.ts';
import { environment } from '../values.ts';
import { type AppliedFile, type AppliedNetwork, type AppliedService, fileSchema } from './schema.ts';

export interface Wanted {
  /** What its containers are marked with. */
  readonly name: string;
  readonly networks: readonly WantedNetwork[];
  readonly containers: readonly WantedContainer[];
}

/** What is absent is whatever it is, or whatever the server chooses. */
export interface WantedNetwork {
  readonly name: string;
  /** It has to be there; nothing is said of how. */
  readonly external: boolean;
  readonly driver: Driver;
  readonly discovery: Discovery;
  readonly subnet?: string;
  readonly vni?: number;
  readonly mtu?: number;
  readonly internal: boolean;
  readonly options: Readonly<Record<string, string>>;
}

export interface WantedContainer {
  readonly name: string;
  readonly run: Params<'workload.run'>;
  /** Containers of the file that have to run before it. */
  readonly after: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @param file its path; `-` has no name of its own. @throws DocumentRefused, UsageError */
export function readWanted(file: string, text: string, env: Environment): Wanted {
  const { value, problems } = readDocument(file, text, { schema: fileSchema, name: 'file of networks and services' });
  const name = value.name ?? nameOf(file);
  const networks = Object.entries(value.networks).map(([each, asked]) => networkOf(each, asked, problems));
  const containers = Object.entries(value.services).map(([each, asked]) =>
    containerOf(value, name, each, asked, env, problems),
  );
  refuseCircles(containers, problems);
  problems.refuse();
  return { name, networks, containers: containers.filter((each) => each !== undefined) };
}

/** @throws UsageError */
function nameOf(file: string): string {
  const stem = basename(file).replace(/\.ya?ml$/, '');
  try {
    return checkContainerName(stem);
  } catch {
    throw new UsageError(`${file} gives no name to go by: write a line like "name: shop" into it`);
  }
}

const nothingSaid: AppliedNetwork = { external: false, options: {} };

function networkOf(name: string, asked: AppliedNetwork | null, problems: Problems): WantedNetwork {
  const {
    external,
    driver = 'overlay',
    discovery = 'registry',
    internal = false,
    options,
    ...rest
  } = asked ?? nothingSaid;
  const { subnet, vni, mtu } = rest;
  const numbered = vni === undefined ? {} : { vni };
  checked(problems, ['networks', name], () => {
    checkForDriver(driver, { discovery, ...numbered });
    checkNetworkOptions(driver, options);
  });
  if (external && JSON.stringify({ ...asked, external: false }) !== JSON.stringify(nothingSaid))
    problems.at(['networks', name], 'it is external, so nothing else is said of it here: leave the rest out');
  return {
    ...{ name, external, driver, discovery, internal, options },
    ...(subnet === undefined ? {} : { subnet }),
    ...(mtu === undefined ? {} : { mtu }),
    ...numbered,
  };
}

function containerOf(
  file: AppliedFile,
  applied: string,
  name: string,
  asked: AppliedService,
  env: Environment,
  problems: Problems,
): WantedContainer | undefined {
  const path = ['services', name];
  for (const network of Object.keys(asked.networks ?? {})) {
    if (Object.hasOwn(file.networks, network) || network === builtInNetwork) continue;
    const what = `there is no network ${network} in this file: add it under networks, with external: true if it is there`;
    problems.at([...path, 'networks', network], what);
  }
  if (asked.networks !== undefined && asked.network_mode !== undefined)
    problems.at([...path, 'network_mode'], 'networks and network_mode contradict each other: leave one out');
  const run = checked(problems, path, () => workloadOf(asked.image, asked.command, flagsOf(name, asked, env)));
  if (run === undefined) return undefined;
  run.spec.labels = { ...run.spec.labels, [appliedLabel]: applied };
  for (const other of asked.depends_on) {
    if (!Object.hasOwn(file.services, other))
      problems.at([...path, 'depends_on'], `there is no service ${other} in this file`);
  }
  const joined = joinedBy(run.spec as Parameters<typeof joinedBy>[0]).filter((one) =>
    Object.hasOwn(file.services, one),
  );
  return { name, run, after: [...new Set([...asked.depends_on, ...joined])] };
}

/** What somebody would have written after `trama run`. */
function flagsOf(name: string, asked: AppliedService, env: Environment): RunFlags {
  const attached = Object.entries(asked.networks ?? {}).map(([network, how]) => ({
    network,
    aliases: how?.aliases ?? [],
    ...(how?.ipv4_address === undefined ? {} : { address: how.ipv4_address }),
  }));
  const network = [...attached, ...(asked.network_mode === undefined ? [] : [asked.network_mode])];
  return {
    ...{ detach: true, name, restart: asked.restart, tty: asked.tty, interactive: asked.stdin_open },
    ...{ onNodeLoss: asked.on_node_loss, env: asked.environment.map((one) => environment(env, one)) },
    publish: asked.ports,
    label: Object.entries(asked.labels),
    ...(network.length === 0 ? {} : { network }),
    ...(asked.node === undefined ? {} : { node: asked.node }),
    ...(asked.pid === undefined ? {} : { pid: asked.pid }),
    ...(asked.hostname === undefined ? {} : { hostname: asked.hostname }),
  };
}

function checked<T>(problems: Problems, path: Path, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof UsageError) && !isFailure(error, 'invalid')) throw error;
    problems.at(path, error.message);
    return undefined;
  }
}

function refuseCircles(containers: readonly (WantedContainer | undefined)[], problems: Problems): void {
  const left = new Map(containers.flatMap((each) => (each === undefined ? [] : [[each.name, each.after] as const])));
  for (let ready = true; ready; ) {
    ready = false;
    for (const [name, after] of left) {
      if (after.some((other) => left.has(other))) continue;
      left.delete(name);
      ready = true;
    }
  }
  const [first] = left.keys();
  if (first === undefined) return;
  problems.at(['services', first], `${[...left.keys()].join(', ')} wait for one another: leave one depends_on out`);
}

/** The Engine's descriptions of containers and networks as ours. Pure. */
import { z } from 'zod';
import type { ContainerInfo, RuntimeNetwork } from '../runtimes.ts';

const state = z.enum(['created', 'running', 'paused', 'restarting', 'exited', 'dead', 'removing']);
export const strings = z.record(z.string(), z.string()).nullish();

const endpoints = z
  .record(
    z.string(),
    z.object({
      NetworkID: z.string().nullish(),
      EndpointID: z.string().nullish(),
      IPAddress: z.string().nullish(),
      MacAddress: z.string().nullish(),
      Aliases: z.array(z.string()).nullish(),
      /** `CONTAINER:ALIAS`, or a name that is both. The default bridge's are not here: Docker writes those to /etc/hosts. */
      Links: z.array(z.string()).nullish(),
      /** From API 1.44 on: the name, the aliases, the short id and the host's name. */
      DNSNames: z.array(z.string()).nullish(),
    }),
  )
  .nullish();

/** As people know an id, and `docker ps` shows it. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}

/** Answer of `GET /containers/{id}/json`. */
export const inspectAnswer = z.object({
  Id: z.string(),
  Name: z.string(),
  Config: z.object({ Image: z.string(), Labels: strings }),
  State: z.object({
    ...{ Status: state, ExitCode: z.number(), StartedAt: z.string(), Pid: z.number().optional() },
    Error: z.string().nullish(),
  }),
  HostConfig: z
    .object({
      Dns: z.array(z.string()).nullish(),
      RestartPolicy: z.object({ Name: z.string() }).nullish(),
    })
    .nullish(),
  NetworkSettings: z.object({ Networks: endpoints }),
});

const listed = z.object({
  Id: z.string(),
  Names: z.array(z.string()),
  Image: z.string(),
  Labels: strings,
  State: state,
  /** For people: `Exited (137) 3 seconds ago`. */
  Status: z.string(),
  NetworkSettings: z.object({ Networks: endpoints }).nullish(),
});

const network = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Options: strings,
  Labels: strings,
});

/** Answer of `GET /containers/json`. */
export const listAnswer = z.array(listed);
/** Answer of `GET /networks`. */
export const networksAnswer = z.array(network);

export function inspectedContainer(answer: z.infer<typeof inspectAnswer>): ContainerInfo {
  const { Id, Name, Config, State, HostConfig, NetworkSettings } = answer;
  const own = [Name.replace(/^\//, ''), shortId(Id)];
  const startedAt = Date.parse(State.StartedAt);
  return {
    id: Id,
    name: Name.replace(/^\//, ''),
    image: Config.Image,
    state: State.Status,
    ...(hasEnded(State.Status) ? { exitCode: State.ExitCode } : {}),
    // Year 1: never.
    ...(startedAt > 0 ? { startedAt } : {}),
    ...(State.Pid ? { pid: State.Pid } : {}),
    labels: Config.Labels ?? {},
    networks: attachments(State.Status, NetworkSettings.Networks).map((each) => {
      const { Aliases, DNSNames, Links } = NetworkSettings.Networks?.[each.name] ?? {};
      const aliases = new Set([...(Aliases ?? []), ...(DNSNames ?? [])]);
      const links = (Links ?? []).map(readLink);
      return {
        ...each,
        aliases: [...aliases].filter((alias) => !own.includes(alias)),
        ...(links.length === 0 ? {} : { links }),
      };
    }),
    dns: HostConfig?.Dns ?? [],
    ...(['', 'no'].includes(HostConfig?.RestartPolicy?.Name ?? '') ? {} : { restarts: true }),
    ...(State.Error ? { error: State.Error } : {}),
  };
}

/** As the engine reads them; it may have kept one as `/CONTAINER:/LINKING/ALIAS`. */
function readLink(text: string): { container: string; alias: string } {
  const [container = '', alias = container] = text.split(':').map((part) => part.slice(part.lastIndexOf('/') + 1));
  return { container, alias };
}

/** Without `startedAt`, which the list does not tell. */
export function listedContainer(answer: z.infer<typeof listed>): ContainerInfo {
  const { Id, Names, Image, State, Status, Labels, NetworkSettings } = answer;
  const code = /^(?:Exited|Restarting) \((\d+)\)/.exec(Status)?.[1];
  return {
    id: Id,
    // A container that others link to has names with two slashes too.
    name: (Names.find((name) => !name.includes('/', 1)) ?? Names[0] ?? Id).replace(/^\//, ''),
    image: Image,
    state: State,
    ...(code !== undefined && hasEnded(State) ? { exitCode: Number(code) } : {}),
    labels: Labels ?? {},
    networks: attachments(State, NetworkSettings?.Networks),
  };
}

const hasEnded = (status: ContainerInfo['state']): boolean => status === 'exited' || status === 'dead';

/** A container that does not run is on no network: what the engine still shows then is left from before. */
function attachments(status: ContainerInfo['state'], networks: z.infer<typeof endpoints>): ContainerInfo['networks'] {
  const attached = status === 'running' || status === 'paused';
  return Object.entries(networks ?? {}).map(([name, { EndpointID, IPAddress, MacAddress }]) => ({
    name,
    endpointId: (attached && EndpointID) || '',
    address: (attached && IPAddress) || '',
    mac: (attached && MacAddress) || '',
  }));
}

/** @param containers those that run. */
export function runtimeNetworks(
  networks: z.infer<typeof networksAnswer>,
  containers: z.infer<typeof listAnswer>,
): RuntimeNetwork[] {
  const counts = new Map<string, number>();
  for (const { NetworkSettings } of containers) {
    for (const { NetworkID } of Object.values(NetworkSettings?.Networks ?? {})) {
      if (NetworkID) counts.set(NetworkID, (counts.get(NetworkID) ?? 0) + 1);
    }
  }
  return networks.map(({ Id, Name, Driver, Options, Labels }) => ({
    id: Id,
    name: Name,
    driver: Driver,
    options: Options ?? {},
    labels: Labels ?? {},
    containers: counts.get(Id) ?? 0,
  }));
}

/** `up`, `server`, `agent`: run until a signal ends them. */
import type { Command } from 'commander';
import { define, run } from '../define.ts';
import type { AgentOptions, ServerOptions } from '../io.ts';
import type { Session } from '../session.ts';
import { addSettings, resolveSettings, type Values } from '../settings.ts';
import { etcdSettings, storeOptions } from '../store-flags.ts';
import { UsageError } from '../usage.ts';

const healthSettings = ['suspect-after', 'down-after', 'evict-after'] as const;
const ofBoth = ['http-listen', 'log-format', 'state'] as const;
const portsOfServer = ['requests-port', 'feed-port', 'http-port'] as const;
const apiSettings = ['api-listen', 'api-cert', 'api-key'] as const;
const ofServer = [
  'store',
  ...etcdSettings,
  'listen',
  'advertise',
  ...portsOfServer,
  ...apiSettings,
  ...healthSettings,
  ...ofBoth,
] as const;
const ofAgent = ['join', 'name', 'address', 'docker-socket', 'agent-http-port', ...ofBoth] as const;
const ofUp = [...ofServer, 'name', 'address', 'docker-socket', 'agent-http-port'] as const;

type Flags = Readonly<Record<string, string | undefined>>;

export function daemonCommands(program: Command, session: Session): void {
  const { io } = session;
  addSettings(
    define(program, 'up', 'Run a server and an agent together on this host', ['up', 'up --name h1 --address 10.0.0.1']),
    ofUp,
  ).action(
    run(session, async (flags: Flags) => {
      const values = await resolveSettings(io, flags, ofUp);
      const { join: _, ...agent } = agentOptions({ ...values, join: undefined });
      return io.daemons.up({ ...serverOptions(values, [values['agent-http-port']]), ...agent });
    }),
  );
  addSettings(
    define(program, 'server', 'Run a server, which holds the cluster', [
      'server',
      'server --listen 10.0.0.1 --state /srv/trama',
      'server --store etcd://10.0.0.1,10.0.0.2,10.0.0.3 --etcd-ca ca.pem --etcd-cert server.pem --etcd-key server.key',
    ]),
    ofServer,
  ).action(
    run(session, async (flags: Flags) => io.daemons.server(serverOptions(await resolveSettings(io, flags, ofServer)))),
  );
  addSettings(
    define(program, 'agent', 'Run the agent, which every host of a cluster needs', [
      'agent --join TOKEN@10.0.0.1',
      'agent                                  # comes back as the node it joined as',
    ]),
    ofAgent,
  ).action(
    run(session, async (flags: Flags) => io.daemons.agent(agentOptions(await resolveSettings(io, flags, ofAgent)))),
  );
}

/** @param others ports that the same process takes besides */
function serverOptions(
  values: Values<(typeof ofServer)[number]>,
  others: readonly (number | undefined)[] = [],
): ServerOptions {
  const store = storeOptions(values.store, values);
  const [requestsPort, feedPort, httpPort] = [values['requests-port'], values['feed-port'], values['http-port']];
  const api = apiOptions(values);
  const all = [requestsPort, feedPort, httpPort, api?.port, ...others];
  const ports = all.filter((port) => port !== undefined);
  if (new Set(ports).size < ports.length) {
    throw new UsageError(
      `the ports for requests, feed, HTTP and the HTTP API must differ: they are ${ports.join(', ')}`,
    );
  }
  return {
    ...{ store, listen: values.listen, requestsPort, feedPort },
    ...(values.advertise === undefined ? {} : { advertise: values.advertise }),
    health: healthOptions(values),
    ...(httpPort === undefined ? {} : { httpPort }),
    ...(api === undefined ? {} : { api }),
    ...ofEvery(values),
  };
}

function apiOptions(values: Values<(typeof apiSettings)[number]>): ServerOptions['api'] {
  const { 'api-listen': place, 'api-cert': cert, 'api-key': key } = values;
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('api-cert and api-key belong together: set both, or neither');
  if (place === undefined) {
    if (cert !== undefined) throw new UsageError('api-cert is for the HTTP API over TLS: set api-listen too');
    return undefined;
  }
  return { ...place, ...(cert === undefined || key === undefined ? {} : { certificate: { cert, key } }) };
}

function healthOptions(values: Values<(typeof healthSettings)[number]>): ServerOptions['health'] {
  const [suspectMs, downMs, evictMs] = [values['suspect-after'], values['down-after'], values['evict-after']];
  if (suspectMs < 2000)
    throw new UsageError(
      `--suspect-after ${suspectMs / 1000}s is too short: nodes are heard once a second, give it 2s`,
    );
  if (!(suspectMs < downMs && downMs < evictMs))
    throw new UsageError(
      'a node is suspect first, then down, then evicted: give --down-after more time than --suspect-after, and --evict-after more than that',
    );
  return { suspectMs, downMs, evictMs };
}

const ofEvery = (values: Values<(typeof ofBoth)[number]>) => ({
  state: values.state,
  httpListen: values['http-listen'],
  logFormat: values['log-format'],
});

function agentOptions(values: Values<(typeof ofAgent)[number]>): AgentOptions {
  const { join, name, address, 'agent-http-port': agentHttpPort } = values;
  return {
    ...ofEvery(values),
    dockerSocket: values['docker-socket'],
    ...(agentHttpPort === undefined ? {} : { agentHttpPort }),
    ...(join ? { join } : {}),
    ...(name ? { name } : {}),
    ...(address ? { address } : {}),
  };
}

/** `up`, `server`, `agent`: run until a signal ends them. */
import type { Command } from 'commander';
import { define, run } from '../define.ts';
import type { AgentOptions, ServerOptions } from '../io.ts';
import type { Session } from '../session.ts';
import { addSettings, resolveSettings, type Values } from '../settings.ts';
import { etcdSettings, storeOptions } from '../store-flags.ts';
import { UsageError } from '../usage.ts';

const ofServer = ['store', ...etcdSettings, 'listen', 'requests-port', 'feed-port', 'metrics-port', 'state'] as const;
const ofAgent = ['join', 'name', 'address', 'docker-socket', 'state'] as const;
const ofUp = [...ofServer, 'name', 'address', 'docker-socket'] as const;

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
      return io.daemons.up({ ...serverOptions(values), ...agent });
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

function serverOptions(values: Values<(typeof ofServer)[number]>): ServerOptions {
  const { listen, state } = values;
  const store = storeOptions(values.store, values);
  const ports = [values['requests-port'], values['feed-port'], values['metrics-port']] as const;
  if (new Set(ports).size < ports.length) {
    throw new UsageError(`the ports for requests, feed and metrics must differ: they are ${ports.join(', ')}`);
  }
  const [requestsPort, feedPort, metricsPort] = ports;
  return { store, listen, state, requestsPort, feedPort, metricsPort };
}

function agentOptions(values: Values<(typeof ofAgent)[number]>): AgentOptions {
  const { join, name, address, state } = values;
  return {
    state,
    dockerSocket: values['docker-socket'],
    ...(join ? { join } : {}),
    ...(name ? { name } : {}),
    ...(address ? { address } : {}),
  };
}

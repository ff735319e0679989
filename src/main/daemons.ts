/** Composition: the one place that names concrete implementations. Each daemon loads only what it needs. */

import { readFile, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '../agent/agent.ts';
import { Failure, parseToken, toFailure } from '../domain/domain.ts';
import type { AgentOptions as AgentFlags, Daemons, ServerOptions as ServerFlags } from '../interfaces/interfaces.ts';
import {
  createForkServer,
  createKnocking,
  hostAnswers,
  type Log,
  type LogFormat,
  type LogLevel,
  lineLog,
  startPiped,
  start as startProcess,
  systemClock,
  untilSignal,
} from '../platform/platform.ts';
import { ask } from '../protocol/protocol.ts';
import type { Server } from '../server/server.ts';
import { advertised } from './advertised.ts';
import { auditFile } from './audit-file.ts';
import { agentModules, apiModule, doctorModule, serverModules } from './daemon-modules.ts';
import { isExclusive, openServedStore } from './open-store.ts';
import { show } from './shown.ts';
import { agentSocket, pluginSocket, serverSocket, socketDirectory } from './sockets.ts';
import { withState } from './state-directory.ts';
import { version } from './version.ts';

export const daemons: Daemons = {
  up: (flags) =>
    daemon('up', flags, async (resources, log, stop) => {
      const server = await startServer(flags, resources, log, stop);
      // Its own: a host may leave, and the server that it runs goes on.
      const agent = resources.use(new AsyncDisposableStack());
      const left = () => {
        log.info('this host has left the cluster; its server goes on');
        agent
          .disposeAsync()
          .catch((error: unknown) => log.error('something of the agent did not end in order', { error }));
      };
      await startAgent(await joiningItself(flags, server), agent, log, left);
    }),
  server: (flags) =>
    daemon('server', flags, async (resources, log, stop) => void (await startServer(flags, resources, log, stop))),
  agent: (flags) => daemon('agent', flags, (resources, log, stop) => startAgent(flags, resources, log, stop)),
};

type Start = (resources: AsyncDisposableStack, log: Log, stop: () => void) => Promise<void>;

async function daemon(
  name: string,
  { state, logFormat }: { readonly state: string; readonly logFormat: LogFormat },
  start: Start,
): Promise<number> {
  if (process.getuid?.() !== 0) throw new Failure('denied', `trama ${name} needs root: run it with sudo`);
  const log = lineLog(
    (line) => process.stderr.write(line),
    (process.env.TRAMA_LOG ?? 'info') as LogLevel,
    systemClock.now,
    logFormat,
  );
  try {
    await untilSignal((resources, _signal, stop) => {
      // Empty once the sockets in it are gone; another daemon's may be there still.
      resources.defer(() => rmdir(socketDirectory).catch(() => {}));
      return withState(state, () => start(resources, log, stop));
    });
    return 0;
  } catch (error) {
    if (logFormat === 'text') throw error;
    // Whoever reads JSON reads nothing else; the command line would say it as a sentence.
    log.error(toFailure(error).message, { error });
    return 1;
  }
}

async function startServer(
  flags: ServerFlags,
  resources: AsyncDisposableStack,
  log: Log,
  stop: () => void,
): Promise<Server> {
  const [{ createServer }, { createZeroMqBus }, { serveLocalApi }, { loadKeys }, { randomBytes }] =
    await serverModules();
  const directory = join(flags.state, 'server');
  const place = { address: flags.httpListen, port: flags.httpPort, flag: '--http-port' };
  const shown = await show('server', place, resources, log);
  const bus = createZeroMqBus({ log });
  const store = await openServedStore(flags.store, directory, resources, log, stop);
  const keys = await loadKeys({ directory, store, exclusive: isExclusive(flags.store) }, () => bus.generateKeys(), log);
  const advertise = await advertised(flags, log);
  const server = resources.use(
    await createServer({
      store,
      bus,
      keys,
      clock: systemClock,
      random: { bytes: (count) => randomBytes(count) },
      log: log.with({ role: 'server' }),
      listen: {
        address: flags.listen,
        ports: { requests: flags.requestsPort, feed: flags.feedPort },
      },
      ...(advertise === undefined ? {} : { advertise }),
      version,
      health: { ...flags.health, graceMs: flags.health.suspectMs },
      hostAnswers,
      isKnocking: createKnocking(),
      metrics: shown.metrics,
      audit: await auditFile(directory),
    }),
  );
  shown.of(server);
  resources.use(await serveLocalApi({ socketPath: serverSocket, api: server, log }));
  if (flags.api !== undefined) {
    const { serveApi } = await apiModule();
    await serveApi(flags.api, { server, directory, advertise }, resources, log);
  }
  log.info('server ready', { cluster: server.cluster, listen: flags.listen, advertise, ...server.ports });
  return server;
}

async function startAgent(
  flags: AgentFlags,
  resources: AsyncDisposableStack,
  log: Log,
  left: () => void,
): Promise<void> {
  const [
    { createAgent },
    { createZeroMqBus },
    { serveLocalApi },
    { createDockerRuntime },
    { serveLibnetwork },
    { createNameServer },
  ] = await agentModules();
  const place = { address: flags.httpListen, port: flags.agentHttpPort, flag: '--agent-http-port' };
  const shown = await show('agent', place, resources, log);
  const commands = resources.use(createForkServer());
  const runtime = resources.use(createDockerRuntime({ socketPath: flags.dockerSocket, log }));
  const agent: Agent = resources.use(
    await createAgent({
      directory: join(flags.state, 'agent'),
      ...(flags.join === undefined ? {} : { join: flags.join }),
      ...(flags.name === undefined ? {} : { name: flags.name }),
      ...(flags.address === undefined ? {} : { address: flags.address }),
      hostname: hostname(),
      version,
      metrics: shown.metrics,
      bus: createZeroMqBus({ log }),
      spawn: commands.spawn,
      start: startProcess,
      createNameServer,
      converse: startPiped,
      runtime,
      clock: systemClock,
      log: log.with({ role: 'agent' }),
      readFile: (path) => readFile(path, 'utf8'),
      examine: async (only) => {
        const { examineThisHost } = await doctorModule();
        // Pings take seconds: no shell that containers' starts wait for is busy with them.
        await using patient = createForkServer();
        return await examineThisHost(flags, agent, patient.spawn, only);
      },
      stop: left,
    }),
  );
  shown.of(agent);
  resources.use(await serveLocalApi({ socketPath: agentSocket, api: agent, log }));
  resources.use(await serveLibnetwork({ socketPath: pluginSocket, plugin: agent.plugin, log, metrics: shown.metrics }));
  agent.run();
  log.info('agent ready', { node: agent.node });
}

/** `trama up`: the agent of this very host joins its own server; the token is for that once. */
async function joiningItself(flags: Parameters<Daemons['up']>[0], server: Server): Promise<AgentFlags> {
  const { loadIdentity } = await import('../agent/identity.ts');
  if ((await loadIdentity(join(flags.state, 'agent'))) !== undefined) return flags;
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const host = everywhere[flags.listen] ?? flags.listen;
  const { token } = await ask(server, 'token.create', { uses: 1, ttlMs: 60_000 });
  return { ...flags, join: { token: parseToken(token), servers: [{ host, port: server.ports.requests }] } };
}

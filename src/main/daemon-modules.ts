/** What each daemon loads besides the command line: one list for those who start daemons and for `warm.ts`. */

export const serverModules = () =>
  Promise.all([
    import('../server/create-server.ts'),
    import('../bus/zeromq/zeromq.ts'),
    import('../interfaces/local/server.ts'),
    import('./server-keys.ts'),
    import('node:crypto'),
  ]);

export const sqliteStore = () => import('../store/sqlite/sqlite-store.ts');

export const etcdStore = () => import('../store/etcd/etcd-store.ts');

export const httpModule = () => import('../interfaces/http/server.ts');
/** The HTTP API over TLS. */
export const apiModule = () => import('./serve-api.ts');
/** What loads all of the HTTP API: both daemons do when somebody asks them. */
export const webSocketModule = () => import('../interfaces/api/web-socket.ts');
/** Looks at the host once, when the agent has started. */
export const doctorModule = () => import('./doctor.ts');
export const serving = async () => {
  const [{ startServing }, { readEpoch }] = await Promise.all([
    import('../server/backup/serving.ts'),
    import('../server/epoch.ts'),
  ]);
  return { startServing, readEpoch };
};

export const agentModules = () =>
  Promise.all([
    import('../agent/create-agent.ts'),
    import('../bus/zeromq/zeromq.ts'),
    import('../interfaces/local/server.ts'),
    import('../runtimes/docker/docker.ts'),
    import('../plugins/libnetwork/libnetwork.ts'),
    import('../dns/name-server.ts'),
  ]);

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

export const agentModules = () =>
  Promise.all([
    import('../agent/create-agent.ts'),
    import('../bus/zeromq/zeromq.ts'),
    import('../interfaces/local/server.ts'),
    import('../runtimes/docker/docker.ts'),
    import('../plugins/libnetwork/libnetwork.ts'),
    import('../dns/name-server.ts'),
  ]);

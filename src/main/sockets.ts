/** Where the daemons of this host are reached. In a directory that only root can enter. */
export const socketDirectory = '/run/trama';

export const agentSocket = `${socketDirectory}/agent.sock`;
export const serverSocket = `${socketDirectory}/server.sock`;

/** dockerd finds a plugin by its socket's name: this one is the driver `trama`. */
export const pluginSocket = '/run/docker/plugins/trama.sock';

/** Where the daemons of this host are reached. In a directory that only root can enter. */
const directory = '/run/trama';

export const agentSocket = `${directory}/agent.sock`;
export const serverSocket = `${directory}/server.sock`;

/** dockerd finds a plugin by its socket's name: this one is the driver `trama`. */
export const pluginSocket = '/run/docker/plugins/trama.sock';

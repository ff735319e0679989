/** Speaks to an agent as Docker does, to make endpoints by the hundred without a container for each. */
import { randomBytes } from 'node:crypto';
import { eventually, type LabHost } from '../src/lab/lab.ts';
import { request } from '../src/platform/http.ts';

export interface PluginEndpoint {
  readonly id: string;
  /** Without prefix length. */
  readonly address: string;
}

/** Endpoints of one network, as that host's engine would make them. */
export class PluginClient {
  readonly #socket: string;
  readonly #dockerNetwork: string;
  readonly #pool: string;

  private constructor(socket: string, dockerNetwork: string, pool: string) {
    this.#socket = socket;
    this.#dockerNetwork = dockerNetwork;
    this.#pool = pool;
  }

  static async open(host: LabHost, network: string): Promise<PluginClient> {
    const socket = `/proc/${host.init}/root/run/docker/plugins/trama.sock`;
    let dockerNetwork = '';
    await eventually(`Docker's network ${network} on ${host.name}`, async () => {
      dockerNetwork = await host.docker('network', 'inspect', '--format', '{{.Id}}', network);
      return true;
    });
    const { PoolID } = await post(socket, 'IpamDriver.RequestPool', { Options: { network }, V6: false });
    return new PluginClient(socket, dockerNetwork, PoolID ?? '');
  }

  async create(): Promise<PluginEndpoint> {
    const id = randomBytes(32).toString('hex');
    const { Address = '' } = await this.#ask('IpamDriver.RequestAddress', { PoolID: this.#pool, Address: '' });
    await this.#ask('NetworkDriver.CreateEndpoint', { ...this.#ids(id), Interface: { Address } });
    return { id, address: Address.replace(/\/\d+$/, '') };
  }

  async remove({ id, address }: PluginEndpoint): Promise<void> {
    await this.#ask('NetworkDriver.DeleteEndpoint', this.#ids(id));
    await this.#ask('IpamDriver.ReleaseAddress', { PoolID: this.#pool, Address: address });
  }

  /** One TCP port of an endpoint that a container has. Answered once it leads there. */
  async publish(endpoint: string, hostPort: number, port: number): Promise<void> {
    const tcp = 6;
    const portmap = [{ Proto: tcp, Port: port, HostPort: hostPort, HostPortEnd: hostPort }];
    const Options = { 'com.docker.network.portmap': portmap };
    await this.#ask('NetworkDriver.ProgramExternalConnectivity', { ...this.#ids(endpoint), Options });
  }

  /** All of the endpoint's ports. Answered when they are about to go. */
  async unpublish(endpoint: string): Promise<void> {
    await this.#ask('NetworkDriver.RevokeExternalConnectivity', this.#ids(endpoint));
  }

  #ids(endpoint: string) {
    return { NetworkID: this.#dockerNetwork, EndpointID: endpoint };
  }

  #ask(call: string, body: object): Promise<Answer> {
    return post(this.#socket, call, body);
  }
}

type Answer = Partial<Record<'PoolID' | 'Address' | 'Err' | 'Error', string>>;

function post(socketPath: string, call: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: `/${call}`, method: 'POST' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer;
        if (answer.Err === undefined) resolve(answer);
        else reject(new Error(`${call}: ${answer.Err}`));
      });
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

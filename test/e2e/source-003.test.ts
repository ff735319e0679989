/**
 * "Análisis profundo de las redes Docker" from top to bottom, on Trama. The headings are the document's own; what it does
 * with `docker` on its only host is done with `docker` or `trama` on the host of a cluster.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createLab,
  eventually,
  type Lab,
  type LabCluster,
  type LabHost,
  labImage,
  startCluster,
} from '../../src/lab/lab.ts';
import { type Container, containers, endpointPort, inNamespaceOf } from './steps.ts';

let lab: Lab;
let cluster: LabCluster;
let host: LabHost;

beforeAll(async () => {
  lab = await createLab();
  cluster = await startCluster(lab, { hosts: ['dockerhost'] });
  host = cluster.host('dockerhost');
});

afterAll(() => lab?.[Symbol.asyncDispose]());

const trama = (...args: string[]) => cluster.trama(...args);
/** Exit code and both outputs of a command in a container. */
const inside = (name: string, ...command: string[]) => host.trama('exec', name, ...command);
const reaches = async (name: string, target: string) => (await inside(name, 'ping', '-c1', '-W1', target)).code === 0;
const shown = async (name: string) => (await cluster.json<Container>('inspect', name)) as Container;
const addressOf = async (name: string) => (await shown(name)).networks[0]?.address ?? '';
const detached = (name: string, ...args: string[]) => trama('run', '-d', '--name', name, ...args);

describe('docker0 - The default "Bridge" network', () => {
  test('bridge, host y none están disponibles de forma predeterminada', async () => {
    const networks = await host.docker('network', 'ls', '--format', '{{.Name}} {{.Driver}}');
    expect(networks.split('\n')).toEqual(expect.arrayContaining(['bridge bridge', 'host host', 'none null']));
  });

  test('de manera predeterminada, todos los contenedores están conectados a la red puente', async () => {
    await detached('web', labImage, 'httpd', '-f');
    await detached('db', labImage, 'nc', '-ll', '-p', '3306', '-e', 'echo', 'db answers');
    expect((await shown('web')).networks).toMatchObject([{ network: 'bridge' }]);
    expect((await shown('db')).networks).toMatchObject([{ network: 'bridge' }]);
  });

  test('los contenedores se comunican con el host y el mundo exterior, y el host con ellos', async () => {
    expect(await reaches('web', host.address)).toBe(true);
    expect(await reaches('web', lab.outside.address)).toBe(true);
    expect((await host.run(['ping', '-c1', '-W1', await addressOf('db')])).code).toBe(0);
  });

  test('Las interfaces veth en redes puente', async () => {
    const ports = await host.output(['ip', '-n', 'trama', '-br', 'link', 'show', 'type', 'veth']);
    for (const name of ['web', 'db']) expect(ports).toContain(await endpointPort(host, name));
    const port = await endpointPort(host, 'web');
    expect(await host.output(['ip', '-n', 'trama', '-o', 'link', 'show', port])).toMatch(/master trb\d+ state UP/);
  });

  test('Inspeccionar los contenedores conectados a la red bridge', async () => {
    const { address, mac } = (await shown('web')).networks[0] ?? { address: '', mac: '' };
    const inContainer = (await inside('web', 'ip', 'addr', 'show', 'eth0')).stdout;
    expect(inContainer).toContain(`inet ${address}/`);
    expect(inContainer).toContain(`link/ether ${mac}`);
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}';
    expect((await host.docker('inspect', '-f', format, 'web')).trim()).toBe(`${address} ${mac}`);
  });

  test('Comunicación en el bridge predeterminado docker0: por dirección, sin descubrimiento de servicios', async () => {
    await host.docker('run', '-d', '--name', 'plainweb', labImage, 'sleep', '100000');
    await host.docker('run', '-d', '--name', 'plaindb', labImage, 'sleep', '100000');
    const plaindb = (await host.docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'plaindb')).trim();
    expect(await host.docker('exec', 'plainweb', 'ping', '-c1', '-W1', plaindb)).toContain('1 packets received');
    const byName = await host.run(['docker', 'exec', 'plainweb', 'ping', '-c1', '-W1', 'plaindb']);
    expect(byName.code).not.toBe(0);
    await host.docker('rm', '-f', 'plainweb', 'plaindb');
    const answer = await inside('web', 'sh', '-c', `nc ${await addressOf('db')} 3306 </dev/null`);
    expect(answer.stdout).toContain('db answers');
    await trama('rm', '-f', 'web', 'db');
  });
});

describe('Red bridge "definida por el usuario"', () => {
  test('crear un bridge network', async () => {
    await trama('network', 'create', 'mynet', '--driver', 'bridge', '--subnet', '172.28.0.0/16');
    await eventually('mynet in docker network ls', async () =>
      (await host.docker('network', 'ls')).includes(' mynet '),
    );
    await detached('web', '--network', 'mynet', labImage, 'httpd', '-f');
    await detached('db', '--network', 'mynet', labImage, 'nc', '-ll', '-p', '3306', '-e', 'echo', 'db answers');
    const inspected = JSON.parse(await host.docker('network', 'inspect', 'mynet'))[0];
    expect(inspected.IPAM.Config[0].Subnet).toBe('172.28.0.0/16');
    const listed = Object.values(inspected.Containers) as { Name: string; IPv4Address: string }[];
    expect(listed.map((each) => each.Name).sort()).toEqual(['db', 'web']);
    expect(listed.map((each) => each.IPv4Address)).toContain(`${await addressOf('web')}/16`);
  });

  test('Descubrimiento de servicio en el bridge definido por el usuario', async () => {
    const answer = await inside('web', 'ping', '-c1', 'db');
    expect(answer.stdout).toContain(`PING db (${await addressOf('db')})`);
    expect(answer.code).toBe(0);
    const configuration = (await inside('web', 'cat', '/etc/resolv.conf')).stdout;
    expect(configuration).toMatch(/^nameserver 127\.0\.0\.11$/m);
    expect(configuration).toMatch(/^options .*ndots:0/m);
    const full = await inside('web', 'nslookup', 'db.mynet');
    expect(full.stdout).toContain(await addressOf('db'));
  });

  test('¡La magia de IPTables!: lo que se pregunta a 127.0.0.11 llega a un servidor de nombres del host', async () => {
    const sandbox = await inNamespaceOf(host, 'web');
    expect((await sandbox('iptables-save', '-t', 'nat')).stdout).toContain('-d 127.0.0.11/32');
    expect((await sandbox('nft', 'list', 'table', 'ip', 'trama')).stdout).toMatch(
      /ip daddr 127\.0\.0\.11 udp dport 53 dnat to/,
    );
    await host.docker(
      'run',
      '-d',
      '--name',
      'multitool',
      '--network',
      'mynet',
      '--cap-add=NET_ADMIN',
      '--cap-add=NET_RAW',
      labImage,
      'sleep',
      '100000',
    );
    expect((await inside('multitool', 'ping', '-c1', 'db')).code).toBe(0);
    await host.docker('rm', '-f', 'multitool');
  });
});

describe('Red bridge "definida por docker-compose"', () => {
  const file = `version: "3.5"
services:
  apache: { image: "${labImage}", command: httpd -f }
  postgres: { image: "${labImage}", command: sleep 100000, environment: [POSTGRES_PASSWORD=secret] }
networks: { default: { name: stack, external: true } }
`;
  const compose = (...args: string[]) =>
    host.output(['docker-compose', '-f', '/tmp/simpleweb.yml', '-p', 'simpleweb', ...args], {
      timeoutMs: 120_000,
      env: { DOCKER_HOST: 'unix:///var/run/docker.sock' },
    });

  test('una pila de aplicaciones', async () => {
    await trama('network', 'create', 'stack', '--driver', 'bridge', '--subnet', '172.29.0.0/16');
    await eventually('stack in docker network ls', async () =>
      (await host.docker('network', 'ls')).includes(' stack '),
    );
    await host.output(['tee', '/tmp/simpleweb.yml'], { input: file });
    await compose('up', '-d');
    expect(await compose('ps')).toMatch(/simpleweb_apache_1 .* Up/);
    expect(await reaches('simpleweb_apache_1', 'postgres')).toBe(true);
  });

  test('No hay detección de servicios ni comunicación entre redes de puentes "diferentes"', async () => {
    for (const [from, to] of [
      ['simpleweb_apache_1', 'db'],
      ['web', 'simpleweb_postgres_1'],
    ] as const) {
      const byName = await inside(from, 'ping', '-c1', '-W1', to);
      expect(byName.stderr + byName.stdout).toContain('bad address');
      expect(await reaches(from, await addressOf(to))).toBe(false);
    }
    expect(await reaches('web', 'db')).toBe(true);
    await compose('down', '-t', '0');
    await trama('network', 'rm', 'stack');
  });
});

describe('La red "Host" de Docker', () => {
  test('el contenedor comparte el espacio de nombres de red del host', async () => {
    await detached('multitool', '--network', 'host', labImage, 'nc', '-ll', '-p', '8088', '-e', 'echo', 'host mode');
    const links = (await inside('multitool', 'ip', 'addr', 'show')).stdout;
    expect(links).toContain(`inet ${host.address}/`);
    expect(links).toContain('docker0');
    expect((await host.docker('inspect', '-f', '{{.HostConfig.NetworkMode}}', 'multitool')).trim()).toBe('host');
    await eventually('its port on the host', async () =>
      (await host.run(['sh', '-c', `busybox nc ${host.address} 8088 </dev/null`])).stdout.includes('host mode'),
    );
    await trama('rm', '-f', 'multitool');
  });
});

describe('La red "none"', () => {
  test('solo está disponible el dispositivo de bucle invertido', async () => {
    await detached('multitool', '--network', 'none', labImage, 'sleep', '100000');
    const links = (await inside('multitool', 'ip', '-o', 'link')).stdout.trim().split('\n');
    expect(
      links.filter((line) => !/: (lo|tunl0|sit0|gre0|gretap0|erspan0|ip6tnl0|ip_vti0|ip6_vti0|ip6gre0)/.test(line)),
    ).toEqual([]);
    expect((await inside('multitool', 'ip', 'route')).stdout).toBe('');
    await trama('rm', '-f', 'multitool');
  });

  test('pasar -p se rechaza con una frase, en vez de no tener ningún efecto', async () => {
    for (const mode of ['none', 'host']) {
      const { code, stderr } = await host.trama('run', '-d', '--network', mode, '-p', '80:80', labImage, 'true');
      expect(code).toBe(2);
      expect(stderr).toContain(mode);
    }
  });
});

describe('Unir un contenedor a otro contenedor', () => {
  test('Unir un contenedor al espacio de nombres de red de otro contenedor', async () => {
    await detached('mysql', '--network', 'mynet', labImage, 'nc', '-ll', '-p', '3306', '-e', 'echo', 'mysql');
    await detached('busybox', '--network', 'container:mysql', labImage, 'sleep', '100000');
    expect((await inside('busybox', 'ip', 'addr', 'show')).stdout).toContain(`inet ${await addressOf('mysql')}/`);
    expect((await inside('busybox', 'netstat', '-ntl')).stdout).toContain(':3306');
    expect(await reaches('busybox', lab.outside.address)).toBe(true);
    expect((await inside('busybox', 'ps')).stdout).not.toContain('3306');
    expect((await shown('busybox')).networks).toEqual([]);
    await trama('rm', '-f', 'busybox');
  });

  test('Unir un contenedor al espacio de nombres de proceso de otro contenedor', async () => {
    await detached('busybox', '--network', 'mynet', '--pid', 'container:mysql', labImage, 'sleep', '100000');
    expect((await inside('busybox', 'ps')).stdout).toMatch(/ 1 root .*3306/);
    expect(await addressOf('busybox')).not.toBe(await addressOf('mysql'));
    await trama('rm', '-f', 'busybox');
  });

  test('¡Únase a la red y al espacio de nombres de procesos del contenedor principal en un solo paso!', async () => {
    const tools = await host.trama(
      'run',
      '--rm',
      '--network',
      'container:mysql',
      '--pid',
      'container:mysql',
      labImage,
      'sh',
      '-c',
      'ip addr show; ps',
    );
    expect(tools.stdout).toContain(`inet ${await addressOf('mysql')}/`);
    expect(tools.stdout).toMatch(/ 1 root .*3306/);
    const debug = await host.trama('debug', 'mysql', labImage, 'sh', '-c', 'ip addr show; ps');
    expect(debug.stdout).toContain(`inet ${await addressOf('mysql')}/`);
    expect(debug.stdout).toMatch(/ 1 root .*3306/);
  });

  test('al final no queda nada', async () => {
    await trama('rm', '-f', 'web', 'db', 'mysql');
    await eventually('an empty list', async () => (await containers(cluster)).length === 0);
    await trama('network', 'rm', 'mynet');
  });
});

/** Each sentence by whoever says it: one that has changed is not known any more, and fails here. */
import { describe, expect, test } from 'vitest';
import { Cluster, refusal, spec, until } from '../../../../test/server/cluster.ts';
import { checkImage } from '../../../domain/image.ts';
import { checkContainerName, checkNewNetworkName } from '../../../domain/names.ts';
import { parseNetworkSubnet } from '../../../domain/network-rules.ts';
import { checkPublishedPorts, parsePublishedPorts } from '../../../domain/run-options.ts';
import { ask } from '../../../protocol/protocol.ts';
import { connectionFailure, refusal as engineRefusal, pullFailure } from '../../../runtimes/docker/failures.ts';
import { Scene } from '../testing/scene.ts';
import { tellIn } from './sentences.ts';

const tell = tellIn('es');

/** Words that no sentence in Spanish has, outside of what it quotes. */
const english = /\b(the|there|is|are|was|this|that|choose|cannot|network|container|node|try|again|with)\b/i;

function isSpanish(sentence: string, like: RegExp): void {
  const told = tell(sentence);
  expect(told, sentence).toMatch(like);
  const ours = told.replace(/"[^"]*"|`[^`]*`|\([^)]*\)|trama \S+( \S+)?/g, '');
  expect(ours, sentence).not.toMatch(english);
}

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was not refused');
};

test.each([
  [() => checkContainerName('-x'), /no puede ser el nombre de un contenedor: use de 2 a 63/],
  [() => checkNewNetworkName('App'), /"App" no puede ser el nombre de una red: use de 1 a 63/],
  [() => checkNewNetworkName('host'), /Docker llama así a una suya/],
  [() => checkNewNetworkName('bridge'), /está reservado para la red incorporada/],
  [() => checkImage('a b'), /"a b" no es una imagen/],
  [() => parsePublishedPorts(':'), /no publica un puerto/],
  [() => parsePublishedPorts('80:80/sctp'), /tiene el protocolo "sctp": es tcp o udp/],
  [() => parsePublishedPorts('80-82:80-81'), /tiene 3 puertos del equipo para 2 del contenedor/],
  [() => parsePublishedPorts('80:80-81'), /tiene 1 puerto del equipo para 2/],
  [() => parsePublishedPorts('99999:80'), /"99999" no es un puerto/],
  [() => parsePublishedPorts('82-80:80'), /no es un intervalo de puertos/],
  [() => parsePublishedPorts('10.0.0:80:80'), /no es una dirección IP/],
  [
    () => checkPublishedPorts([...parsePublishedPorts('80:80'), ...parsePublishedPorts('80:81')]),
    /el puerto 80\/tcp se publica dos veces/,
  ],
  [() => parseNetworkSubnet('app'), /"app" no es un segmento/],
  [() => parseNetworkSubnet('10.42.0.0'), /no tiene longitud de prefijo: escríbalo como 10\.42\.0\.0\/16/],
  [() => parseNetworkSubnet('10.42.0.0/33'), /longitud de prefijo válida: es un número del 0 al 32/],
  [() => parseNetworkSubnet('10.42.0.1/16'), /tiene bits de equipo: ¿quería decir 10\.42\.0\.0\/16\?/],
  [() => parseNetworkSubnet('fd00::/64'), /es IPv6, que las redes aún no pueden tener/],
  [() => parseNetworkSubnet('10.42.0.0/31'), /no deja direcciones para contenedores/],
  [() => parseNetworkSubnet('0.0.0.0/1'), /es mayor de lo que ninguna red necesita/],
  [() => parseNetworkSubnet('127.0.0.0/16'), /no puede ser el segmento de una red/],
])('what is typed: %s', (work, like) => isSpanish(messageOf(work), like));

const stopped = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
const missing = Object.assign(new Error('no'), { code: 'ENOENT' });

test.each([
  [pullFailure('x:1', 'manifest for x:1 not found'), /no existe la imagen x:1 \(manifest for x:1 not found\)/],
  [pullFailure('r/x:1', 'no basic auth credentials'), /el registro no entrega r\/x:1 a ese equipo/],
  [pullFailure('r/x:1', 'dial tcp 10.0.0.9:5000: connect: connection refused'), /el registro de r\/x:1 no se alcanza/],
  [pullFailure('r/x:1', 'http: server gave HTTP response to HTTPS client'), /no habla TLS/],
  [pullFailure('r/x:1', 'x509: signed by unknown authority'), /no se fía del certificado/],
  [pullFailure('r/x:1', 'toomanyrequests: slow down'), /no entrega más imágenes por ahora/],
  [pullFailure('x:1', 'write /x: no space left on device'), /el disco está lleno/],
  [engineRefusal(400, 'exec: "foo": executable file not found in $PATH', 'start web'), /no tiene el ejecutable foo/],
  [
    engineRefusal(500, 'Bind for 0.0.0.0:80 failed: port is already allocated', 'start web'),
    /0\.0\.0\.0:80 está en uso en ese equipo/,
  ],
  [engineRefusal(500, 'plugin "trama" not found', 'start web'), /su extensión de red "trama" no responde/],
  [
    engineRefusal(409, 'container name "/web" is already in use', 'create web'),
    /otro contenedor de ese equipo se llama web/,
  ],
  [
    engineRefusal(
      500,
      'remote: host port 80/tcp of this node is published by the container web already: publish another port, or remove that container first',
      'start x',
    ),
    /Docker no pudo \(start x\): el puerto 80\/tcp de ese nodo ya lo publica el contenedor web/,
  ],
  [connectionFailure(missing, '/run/docker.sock'), /Docker no está instalado o no está en marcha/],
  [connectionFailure(stopped, '/run/docker.sock'), /Docker no está en marcha en ese equipo/],
])('what nodes say: %s', ({ message }, like) => isSpanish(message, like));

describe('what servers say', () => {
  const sentence = async (call: Promise<unknown>) => (await refusal(call)).replace(/^[a-z-]+: /, '');

  test('of networks', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const create = (name: string, subnet: string) => sentence(ask(server, 'network.create', { name, subnet }));
    await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16' });
    await cluster.node(server, 'h1', '10.0.0.1', { facts: { routes: ['10.60.0.0/16'] } });
    isSpanish(await create('app', '10.50.0.0/16'), /ya hay una red app: elija otro nombre/);
    isSpanish(await create('db', '10.42.8.0/24'), /se solapa con la red app \(10\.42\.0\.0\/16\)/);
    isSpanish(await create('db', '10.60.8.0/24'), /se solapa con la ruta 10\.60\.0\.0\/16 del nodo h1/);
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec(['app']) });
    const remove = () => sentence(ask(server, 'network.remove', { name: 'app' }));
    isSpanish(await remove(), /la red app la usa el contenedor web \(on h1\)/);
    await ask(server, 'workload.run', { name: 'db', node: 'h1', spec: spec(['app']) });
    isSpanish(await remove(), /la red app la usan los contenedores \S+ \(on h1\) y \S+ \(on h1\)/);
    isSpanish(await sentence(ask(server, 'network.remove', { name: 'nope' })), /no hay ninguna red "nope"/);
  });

  test('of containers', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const run = (more: object) => sentence(ask(server, 'workload.run', { spec: spec(), ...more }));
    isSpanish(await run({}), /ningún nodo está listo/);
    const h1 = await cluster.node(server, 'h1', '10.0.0.1');
    await cluster.node(server, 'h2', '10.0.0.2');
    await ask(server, 'network.create', { name: 'app', subnet: '10.42.0.0/16', internal: true });
    await ask(server, 'workload.run', { name: 'web', node: 'h1', spec: spec() });
    isSpanish(await run({ name: 'web' }), /ya hay un contenedor "web", en el nodo h1/);
    isSpanish(await run({ node: 'h9' }), /no hay ningún nodo "h9"/);
    isSpanish(await run({ spec: spec(['nope']) }), /no hay ninguna red "nope"/);
    const ports = parsePublishedPorts('80:80');
    isSpanish(await run({ spec: spec(['app'], { ports }) }), /la red app es interna/);
    isSpanish(
      await sentence(ask(server, 'workload.remove', { name: 'nope', force: true })),
      /no hay ningún contenedor/,
    );
    await ask(server, 'node.drain', { name: 'h2', drained: true });
    isSpanish(await run({ node: 'h2' }), /el nodo h2 se está vaciando/);
    await h1.client[Symbol.asyncDispose]();
    await until('h1 is away', async () =>
      /conectado/.test(tell(await sentence(ask(server, 'image.list', { node: 'h1' })))),
    );
    isSpanish(
      await sentence(ask(server, 'node.leave', { name: 'h1', force: false })),
      /"h1" no está conectado y de su equipo/,
    );
    cluster.clock.step(16_000);
    const isDown = async () => (await ask(server, 'node.inspect', { name: 'h1' })).status === 'down';
    await until('h1 is down', isDown);
    isSpanish(await run({ node: 'h1' }), /el nodo h1 está caído/);
    isSpanish((await ask(server, 'node.inspect', { name: 'h1' })).reason, /su equipo 10\.0\.0\.1 no responde/);
    const start = sentence(ask(server, 'workload.start', { name: 'h1/nope' }));
    isSpanish(await start, /el contenedor \S+ no se alcanza: su nodo h1 está caído/);
  });

  test('of who may not', async () => {
    await using cluster = await Cluster.create();
    const server = await cluster.server();
    const eva = await cluster.user(server, 'eva', 'viewer');
    const denied = await sentence(ask(eva, 'workload.remove', { name: 'web', force: true }));
    isSpanish(denied, /la persona eva \(viewer\) no tiene permiso para esto: hace falta el papel operator/);
  });
});

test('in the console: what is known in Spanish, the rest as it came and said to be English', () => {
  const failed = (why: string) =>
    new Scene({ language: 'es' })
      .happen({ kind: 'said', said: { key: 'failed', values: { why } }, bad: true })
      .screen();
  expect(failed('there is a network app already: choose another name')).toContain(
    'No se ha hecho: ya hay una red app: elija otro nombre',
  );
  expect(failed('the moon is in the way')).toContain('No se ha hecho. En inglés: the moon is in the way');
  expect(tellIn('en')('There is a network app already.')).toBe('There is a network app already.');
});

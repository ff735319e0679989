import { describe, expect, onTestFinished, test } from 'vitest';
import type { PublishedPort } from '../domain/domain.ts';
import { type HoldPort, holdPort } from '../platform/held-port.ts';
import { silentLog } from '../platform/platform.ts';
import { Ports } from './ports.ts';

const tcp = (hostPort: number, containerPort = 80, hostAddress?: string): PublishedPort => ({
  ...(hostAddress === undefined ? {} : { hostAddress }),
  ...{ hostPort, containerPort, protocol: 'tcp' },
});

/** A host whose other programs have the ports in `others`, as `tcp 8080`. */
function host() {
  const others = new Set<string>();
  const bound = new Set<string>();
  let ephemeral = 32768;
  const hold: HoldPort = async (protocol, address, asked) => {
    const port = asked === 0 ? ephemeral++ : asked;
    const place = `${protocol} ${address} ${port}`;
    const rivals = [...bound].filter((each) => each.startsWith(`${protocol} `) && each.endsWith(` ${port}`));
    const clash = rivals.some((each) => each === place || each.includes(' 0.0.0.0 ') || address === '0.0.0.0');
    if (clash || others.has(`${protocol} ${port}`)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' });
    if (address === '192.0.2.1') throw Object.assign(new Error('no such address'), { code: 'EADDRNOTAVAIL' });
    bound.add(place);
    return { port, [Symbol.asyncDispose]: async () => void bound.delete(place) };
  };
  const told: string[] = [];
  const ports = () =>
    new Ports({ hold, nameOf: (id) => (id === 'e1' ? 'web' : undefined), report: (m) => told.push(m), log: silentLog });
  return { others, bound, told, ports: ports(), restarted: ports };
}

const gone = Promise.resolve();
const soon = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('published ports', () => {
  test('are held until they lead nowhere', async () => {
    const { ports, bound } = host();
    const { promise, resolve } = Promise.withResolvers<void>();
    expect(await ports.hold('e1', [tcp(8080), { ...tcp(8080), protocol: 'udp' }])).toHaveLength(2);
    expect([...bound]).toEqual(['tcp 0.0.0.0 8080', 'udp 0.0.0.0 8080']);
    ports.release('e1', promise);
    await soon();
    expect(bound.size).toBe(2);
    resolve();
    await soon();
    expect(bound.size).toBe(0);
  });

  test('asked for again are the same; those of a range, and any free one, are told as they are', async () => {
    const { ports, others } = host();
    others.add('tcp 8000');
    const asked = [{ ...tcp(8000), hostPortEnd: 8002 }, { ...tcp(8000, 81), hostPortEnd: 8002 }, tcp(0, 82)];
    const real = [tcp(8001), tcp(8002, 81), tcp(32768, 82)];
    expect(await ports.hold('e1', asked)).toEqual(real);
    expect(await ports.hold('e1', asked)).toEqual(real);
    const more = ports.hold('e2', [{ ...tcp(8000), hostPortEnd: 8002 }]);
    await expect(more).rejects.toThrow('port 8002/tcp of this node is published by the container web already');
  });

  test('that are taken are refused in a sentence, and then none is held', async () => {
    const { ports, bound, others } = host();
    others.add('tcp 9090');
    await ports.hold('e1', [tcp(8080)]);
    const refused = (...asked: PublishedPort[]) => expect(ports.hold('e2', asked)).rejects;
    await refused(tcp(8081), tcp(8080)).toThrow(
      'host port 8080/tcp of this node is published by the container web already: publish another port, or remove that container first',
    );
    await refused(tcp(8081), tcp(8080, 80, '127.0.0.1')).toThrow('127.0.0.1:8080/tcp');
    await refused(tcp(8081), tcp(9090)).toThrow('in use by another program (ss -Hlntp sport = :9090 shows it)');
    await refused(tcp(8081), tcp(80, 80, '192.0.2.1')).toThrow('192.0.2.1 is no address of this node');
    await refused(tcp(8081), tcp(8081)).toThrow('8081/tcp of this node is published twice');
    await soon();
    expect([...bound]).toEqual(['tcp 0.0.0.0 8080']);
  });

  test('that another container had go to the next one without a moment in which somebody else could take them', async () => {
    const { ports, bound } = host();
    const { promise, resolve } = Promise.withResolvers<void>();
    await ports.hold('e1', [tcp(8080)]);
    ports.release('e1', promise);
    expect(await ports.hold('e2', [tcp(8080, 81)])).toEqual([tcp(8080, 81)]);
    resolve();
    await soon();
    expect([...bound]).toEqual(['tcp 0.0.0.0 8080']);
    ports.release('e2', gone);
    await soon();
    expect(bound.size).toBe(0);
  });

  test('at another address wait until the former are let go', async () => {
    const { ports, bound } = host();
    await ports.hold('e1', [tcp(8080)]);
    ports.release('e1', gone);
    expect(await ports.hold('e2', [tcp(8080, 80, '127.0.0.1')])).toEqual([tcp(8080, 80, '127.0.0.1')]);
    expect([...bound]).toEqual(['tcp 127.0.0.1 8080']);
  });

  test('are held again after a restart; what somebody took is told, and tried again', async () => {
    const { restarted, bound, others, told } = host();
    others.add('tcp 8081');
    const ports = restarted();
    await ports.restore([{ record: { id: 'e1', ports: [tcp(8080), tcp(8081)] } }, { record: { id: 'e2' } }]);
    expect([...bound]).toEqual(['tcp 0.0.0.0 8080']);
    expect(told).toEqual([expect.stringMatching(/8081\/tcp leads to the container web, but another program took it/)]);
    others.clear();
    await ports.retry();
    expect(bound.size).toBe(2);
    ports.release('e1', gone);
    await ports.retry();
    await soon();
    expect(bound.size).toBe(0);
  });
});

describe('a port that is published but not held', () => {
  async function lost() {
    const { restarted, ...rest } = host();
    rest.others.add('tcp 8081').add('tcp 32768');
    const ports = restarted();
    await ports.restore([{ record: { id: 'e1', ports: [tcp(8080), tcp(8081), tcp(32768)] } }]);
    rest.others.clear();
    return { ...rest, ports };
  }

  test('is still its container’s, once whoever took it is gone', async () => {
    const { ports, bound } = await lost();
    const refused = 'host port 8081/tcp of this node is published by the container web already';
    await expect(ports.hold('e2', [tcp(8081)])).rejects.toThrow(refused);
    await expect(ports.hold('e2', [tcp(8081, 80, '127.0.0.1')])).rejects.toThrow('published by the container web');
    await ports.retry();
    expect([...bound].sort()).toEqual(['tcp 0.0.0.0 32768', 'tcp 0.0.0.0 8080', 'tcp 0.0.0.0 8081']);
  });

  test('is none that another container is given of a range, or for any', async () => {
    const { ports, bound } = await lost();
    const real = [tcp(8082), tcp(32769, 81)];
    expect(await ports.hold('e2', [{ ...tcp(8080), hostPortEnd: 8082 }, tcp(0, 81)])).toEqual(real);
    await ports.retry();
    expect(bound.size).toBe(5);
  });

  test('is free when its container is gone', async () => {
    const { ports } = await lost();
    ports.release('e1', gone);
    expect(await ports.hold('e2', [tcp(8081)])).toEqual([tcp(8081)]);
  });

  test('is told with what is in its way', async () => {
    const { restarted, told } = host();
    const ports = restarted();
    await ports.restore([
      { record: { id: 'e1', ports: [tcp(8080, 80, '192.0.2.1'), tcp(8081)] } },
      { record: { id: 'e2', ports: [tcp(8081, 81)] } },
    ]);
    expect(told).toEqual([
      'host port 192.0.2.1:8080/tcp leads to the container web, but is not held: 192.0.2.1 is no address of this node, so that port 8080 cannot be published there: give one of its own, or none',
      'host port 8081/tcp leads to another container, but is not held: host port 8081/tcp of this node is published by the container web already: publish another port, or remove that container first',
    ]);
  });
});

describe('on this host', () => {
  /** Away from whatever else is bound to loopback. */
  const address = '127.83.7.1';

  test.each(['tcp', 'udp'] as const)(
    'a held port of %s is nobody else’s, and free again afterwards',
    async (protocol) => {
      const some = await holdPort(protocol, address, 0);
      expect(some.port).toBeGreaterThan(1023);
      await some[Symbol.asyncDispose]();
      // None that the kernel gives to whoever asks for any.
      const port = 20_183;
      const first = await holdPort(protocol, address, port);
      await expect(holdPort(protocol, address, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await expect(holdPort(protocol, '0.0.0.0', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await first[Symbol.asyncDispose]();
      await (await holdPort(protocol, address, port))[Symbol.asyncDispose]();
    },
  );

  test('a thousand are held', async () => {
    const ports = new Ports({ hold: holdPort, nameOf: () => undefined, report: () => {}, log: silentLog });
    onTestFinished(() => ports[Symbol.asyncDispose]());
    const asked = Array.from({ length: 1000 }, (_, index) => tcp(0, index + 1, address));
    const real = await ports.hold('e1', asked);
    expect(new Set(real.map(({ hostPort }) => hostPort)).size).toBe(1000);
  });
});

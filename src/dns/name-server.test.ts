import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLog, systemClock } from '../platform/platform.ts';
import { createNameServer, type NameServerLimits } from './name-server.ts';
import { answerTo, fakeUpstream, loopback, port, tcpAsker, udpAsker, withLength } from './testing/asking.ts';
import { decode, query } from './testing/messages.ts';
import { type FakeZone, fakeZone } from './testing/zone.ts';

interface Started {
  readonly at: string;
  readonly zone: FakeZone;
  readonly troubles: string[];
  listen(...addresses: string[]): void;
}

async function started(servers: readonly string[] = [], limits: Partial<NameServerLimits> = {}): Promise<Started> {
  const [zone, troubles, at] = [fakeZone(servers), [] as string[], loopback()];
  const server = createNameServer({
    ...{ zone, clock: systemClock, log: silentLog, port, ...limits },
    onTrouble: (message) => void troubles.push(message),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  server.listen(new Set([at]));
  await answering(at);
  return { at, zone, troubles, listen: (...addresses) => server.listen(new Set(addresses)) };
}

/** Waits until questions are answered there. */
async function answering(address: string): Promise<void> {
  await expect.poll(() => connects(address), { timeout: 5000 }).toBe(true);
}

const connects = (address: string) =>
  tcpAsker(address).then(
    ({ socket }) => {
      socket.destroy();
      return true;
    },
    () => false,
  );

const rcodes = (answers: readonly (Buffer | undefined)[]) => answers.map((each) => each && decode(each).rcode);
const patience = { next: 100, doubtful: 50, all: 400 };

describe('over UDP', () => {
  test('the size that who asks takes is kept to', async () => {
    const { at } = await started();
    const asker = await udpAsker(at);
    const sizes = [undefined, 100, 900, 4096].map(async (edns, id) => {
      const answer = await (await udpAsker(at)).ask(
        query('many', 'A', { id, ...(edns === undefined ? {} : { edns }) }),
      );
      return [answer?.length, answer && decode(answer).truncated, answer && decode(answer).opt?.size];
    });
    expect(await Promise.all(sizes)).toEqual([
      [502, true, undefined],
      [497, true, 1232],
      [897, true, 1232],
      [1217, true, 1232],
    ]);
    expect((await asker.ask(query('web', 'A')))?.length).toBe(37);
  });

  test('garbage and answers are survived in silence or told', async () => {
    const { at } = await started();
    const asker = await udpAsker(at);
    for (const bytes of [Buffer.of(), Buffer.of(1), Buffer.alloc(11, 0xff), query('web', 'A', { flags: 0x8180 })]) {
      asker.send(bytes);
    }
    expect(rcodes([await asker.ask(Buffer.alloc(12))])).toEqual([1]);
    expect(rcodes([await asker.ask(query('web', 'A'))])).toEqual([0]);
    expect(asker.received).toHaveLength(2);
  });
});

describe('over TCP', () => {
  test('everything, many questions on one connection, in any pieces', async () => {
    const { at } = await started();
    const asker = await tcpAsker(at);
    const stream = Buffer.concat([1, 2, 3].map((id) => withLength(query('many', 'A', { id, edns: 512 }))));
    for (const byte of stream.subarray(0, 45)) asker.write(Buffer.of(byte));
    asker.write(stream.subarray(45));
    for (const id of [1, 2, 3]) {
      expect(decode(await asker.next())).toMatchObject({ id, truncated: false, answers: { length: 100 } });
    }
  });

  test('who has ended its side still gets its answers; then the connection ends', async () => {
    const upstream = await fakeUpstream(async (message) => {
      await systemClock.sleep(30);
      return [answerTo(message)];
    });
    const { at } = await started([upstream.at]);
    const asker = await tcpAsker(at);
    asker.socket.end(withLength(query('example.com', 'A')));
    expect(decode(await asker.next())).toMatchObject({ rcode: 0, answers: [{ data: '192.0.2.80' }] });
    await expect(asker.next()).rejects.toThrow('ended');
  });

  test.each([
    ['nothing', Buffer.of()],
    ['an answer', query('web', 'A', { flags: 0x8180 })],
  ])('who sends %s for a question is left', async (_, message) => {
    const { at } = await started();
    const asker = await tcpAsker(at);
    asker.write(Buffer.concat([withLength(message), withLength(query('web', 'A'))]));
    await expect(asker.next()).rejects.toThrow('ended');
  });

  test('a client has 32 connections', async () => {
    const { at } = await started();
    const askers = await Promise.all(Array.from({ length: 33 }, () => tcpAsker(at)));
    await expect.poll(() => askers.filter(({ ended }) => ended).length).toBe(1);
    const left = askers.find(({ ended }) => !ended);
    left?.write(withLength(query('web', 'A')));
    expect(decode((await left?.next()) ?? Buffer.of())).toMatchObject({ rcode: 0 });
  });
});

describe('questions for others', () => {
  test('A and AAAA from one port are both answered, each under its id', async () => {
    const upstream = await fakeUpstream((message) => [answerTo(message)]);
    const { at } = await started([upstream.at]);
    const asker = await udpAsker(at);
    const both = [asker.ask(query('example.com', 'A', { id: 5 })), asker.ask(query('example.com', 'AAAA', { id: 6 }))];
    const ids = (await Promise.all(both)).map((answer) => answer && decode(answer).id);
    expect(ids.sort()).toEqual([5, 6]);
  });

  test('what is truncated is told; over TCP it is fetched over TCP', async () => {
    const upstream = await fakeUpstream((message, transport) => {
      const answer = answerTo(message);
      if (transport === 'udp') answer.writeUInt16BE(0x8380, 2);
      return [answer];
    });
    const { at } = await started([upstream.at]);
    const answer = await (await udpAsker(at)).ask(query('example.com', 'A'));
    expect(answer && decode(answer).truncated).toBe(true);
    const tcp = await tcpAsker(at);
    tcp.write(withLength(query('example.com', 'A')));
    expect(decode(await tcp.next())).toMatchObject({ truncated: false, answers: [{ data: '192.0.2.80' }] });
    expect(upstream.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });

  test('no larger datagram is asked for than is passed back', async () => {
    const upstream = await fakeUpstream((message) => [Buffer.concat([answerTo(message), Buffer.alloc(1200)])]);
    const { at } = await started([upstream.at]);
    const answer = await (await udpAsker(at)).ask(query('example.com', 'A', { edns: 4096 }));
    expect(answer && decode(answer)).toMatchObject({ rcode: 0, truncated: true, answers: [] });
    expect(upstream.asked.map(({ message }) => message.readUInt16BE(12 + 13 + 4 + 3))).toEqual([1232]);
  });

  test('nobody to ask: refused; nobody answers: a failure, in time', async () => {
    const { at, zone } = await started([], { patience });
    const asker = await udpAsker(at);
    expect(rcodes([await asker.ask(query('example.com', 'A'))])).toEqual([5]);
    zone.servers = [(await fakeUpstream(() => [])).at];
    const began = performance.now();
    expect(rcodes([await asker.ask(query('example.com', 'A'))])).toEqual([2]);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('this server itself is not asked', async () => {
    const { at, zone } = await started();
    zone.servers = [`${at}:${port}`];
    expect(rcodes([await (await udpAsker(at)).ask(query('example.com', 'A'))])).toEqual([5]);
  });

  test('beyond its rate a client is refused; names of the cluster, and other clients, are not', async () => {
    const upstream = await fakeUpstream((message) => [answerTo(message)]);
    const { at } = await started([upstream.at], { rate: { perSecond: 0.001, burst: 3 } });
    const [greedy, other] = [await udpAsker(at), await udpAsker(at, loopback())];
    const answers: (Buffer | undefined)[] = [];
    for (let i = 0; i < 5; i++) answers.push(await greedy.ask(query(`n${i}.example.com`, 'A')));
    expect(rcodes(answers)).toEqual([0, 0, 0, 5, 5]);
    expect(rcodes([await greedy.ask(query('web', 'A'))])).toEqual([0]);
    expect(rcodes([await other.ask(query('example.com', 'A'))])).toEqual([0]);
  });

  test('too many at the same time are refused, and the others answered', async () => {
    const silent = await fakeUpstream(() => []);
    const { at } = await started([silent.at], { patience, passedOn: { ofClient: 2, ofAll: 3 } });
    const askers = await Promise.all([udpAsker(at), udpAsker(at), udpAsker(at)]);
    const answers = askers.map((asker, i) => asker.ask(query(`n${i}.example.com`, 'A')));
    const other = await udpAsker(at, loopback());
    answers.push(other.ask(query('n4.example.com', 'A')), other.ask(query('n5.example.com', 'A')));
    expect(rcodes(await Promise.all(answers)).sort()).toEqual([2, 2, 2, 5, 5]);
    const after = rcodes([await other.ask(query('n6.example.com', 'A'))]);
    expect(after).toEqual([2]);
  });
});

describe('addresses', () => {
  test('come and go while it runs', async () => {
    const { at, listen } = await started();
    const second = loopback();
    listen(at, second);
    await answering(second);
    expect(rcodes([await (await udpAsker(second)).ask(query('web', 'A'))])).toEqual([0]);
    listen(second);
    await expect.poll(() => connects(at)).toBe(false);
    expect(await (await udpAsker(at)).ask(query('web', 'A'), 100)).toBeUndefined();
    listen(at, second);
    listen(second);
    listen(at, second);
    await answering(at);
    expect(rcodes([await (await udpAsker(at)).ask(query('web', 'A'))])).toEqual([0]);
  });

  test('a port that is taken is told once, and had when it is free; the others are served meanwhile', async () => {
    const { at, listen, troubles } = await started();
    const taken = loopback();
    const thief = createServer();
    onTestFinished(() => void thief.close());
    await new Promise<void>((resolve) => thief.listen(port, taken, resolve));
    listen(at, taken);
    await expect.poll(() => troubles, { timeout: 8000 }).toHaveLength(1);
    expect(troubles[0]).toBe(
      `names are not answered at ${taken} port 5353: another program has that port; find it with "ss -lntup sport = 5353" and stop it, or make it listen elsewhere`,
    );
    expect(rcodes([await (await udpAsker(at)).ask(query('web', 'A'))])).toEqual([0]);
    await new Promise((resolve) => thief.close(resolve));
    await expect
      .poll(async () => rcodes([await (await udpAsker(taken)).ask(query('web', 'A'), 100)]), { timeout: 8000 })
      .toEqual([0]);
    expect(troubles).toHaveLength(1);
  }, 20_000);

  test('an address that this host does not have is told', async () => {
    const { listen, troubles } = await started();
    listen('192.0.2.1');
    await expect
      .poll(() => troubles, { timeout: 8000 })
      .toEqual([
        'names are not answered at 192.0.2.1 port 5353: this host does not have that address yet; it is tried again until it does',
      ]);
  }, 20_000);
});

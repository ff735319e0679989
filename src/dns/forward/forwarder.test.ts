import { Socket } from 'node:dgram';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../platform/platform.ts';
import { answerTo, fakeUpstream, loopback, port } from '../testing/asking.ts';
import { decode, query } from '../testing/messages.ts';
import type { Transport } from './exchange.ts';
import { Forwarder } from './forwarder.ts';

const question = query('example.com', 'A', { id: 77 });
/** Nobody is at this port: the kernel says so at once. */
const nobody = () => `${loopback()}:${port}`;
const silent = () => fakeUpstream(() => []);
const answering = (address?: string, rcode?: number) => fakeUpstream((message) => [answerTo(message, address, rcode)]);

function forwarder(patience: Partial<ConstructorParameters<typeof Forwarder>[0]['patience']> = {}) {
  const made = new Forwarder({ clock: systemClock, patience: { next: 80, doubtful: 20, all: 5000, ...patience } });
  onTestFinished(() => made.close());
  const ask = async (upstreams: readonly string[], transport: Transport = 'udp', message = question) => {
    const answer = await made.ask(message, message.length, upstreams, transport);
    return answer && decode(answer);
  };
  return { made, ask };
}

const address = (data: string) => ({ rcode: 0, answers: [{ data }] });

describe('questions for other servers', () => {
  test.each(['udp', 'tcp'] as const)('are asked over %s, under an id of their own', async (transport) => {
    const upstream = await answering();
    const { ask } = forwarder();
    for (let i = 0; i < 4; i++) expect(await ask([upstream.at], transport)).toMatchObject(address('192.0.2.80'));
    const { asked } = upstream;
    expect(asked.map((each) => each.transport)).toEqual([transport, transport, transport, transport]);
    expect(asked.every(({ message }) => message.subarray(2).equals(question.subarray(2)))).toBe(true);
    expect(new Set(asked.map(({ message }) => message.readUInt16BE(0))).size).toBeGreaterThan(1);
    expect(new Set(asked.map((each) => each.port)).size).toBeGreaterThan(1);
  });

  test('go to the next when the first is silent, and at once when nobody is there', async () => {
    const [first, second] = [await silent(), await answering()];
    expect(await forwarder().ask([first.at, second.at])).toMatchObject(address('192.0.2.80'));
    expect(first.asked).toHaveLength(1);
    for (const transport of ['udp', 'tcp'] as const) {
      const began = performance.now();
      const { ask } = forwarder({ next: 5000, all: 9000 });
      expect(await ask([nobody(), second.at], transport)).toMatchObject(address('192.0.2.80'));
      expect(performance.now() - began).toBeLessThan(2000);
    }
  });

  test('go to the next when this host cannot open a socket to the first, and then to that first', async () => {
    const [first, second] = [await answering(), await answering()];
    const { ask } = forwarder({ next: 5000, all: 9000 });
    vi.spyOn(Socket.prototype, 'bind').mockImplementationOnce(function (this: Socket) {
      // Within the call, as the real one does.
      this.emit('error', new Error('bind EAFNOSUPPORT'));
      return this;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    for (let i = 0; i < 2; i++) expect(await ask([first.at, second.at])).toMatchObject(address('192.0.2.80'));
    expect([first.asked, second.asked].map(({ length }) => length)).toEqual([0, 2]);
  });

  test('the slow first one is still heard while the next is asked', async () => {
    const slow = await fakeUpstream(async (message) => {
      await systemClock.sleep(150);
      return [answerTo(message)];
    });
    const { ask } = forwarder({ next: 50, all: 5000 });
    expect(await ask([slow.at, (await silent()).at])).toMatchObject(address('192.0.2.80'));
  });

  test('the only one is asked again, since datagrams get lost', async () => {
    let lost = 2;
    const upstream = await fakeUpstream((message) => (lost-- > 0 ? [] : [answerTo(message)]));
    expect(await forwarder({ all: 5000 }).ask([upstream.at])).toMatchObject(address('192.0.2.80'));
    expect(upstream.asked).toHaveLength(3);
  });

  test('whom nobody answers is told in time, and at once when nobody is there', async () => {
    const { ask } = forwarder({ next: 5000, all: 300 });
    const began = performance.now();
    expect(await ask([(await silent()).at])).toBeUndefined();
    expect(performance.now() - began).toBeGreaterThan(250);
    const again = performance.now();
    expect(await forwarder({ next: 5000, all: 9000 }).ask([nobody(), nobody()])).toBeUndefined();
    expect(performance.now() - again).toBeLessThan(2000);
  });

  test('the next question does not wait for who was silent', async () => {
    const [first, second] = [await silent(), await answering()];
    const { ask } = forwarder();
    await ask([first.at, second.at]);
    await ask([first.at, second.at]);
    expect(first.asked).toHaveLength(1);
    expect(second.asked).toHaveLength(2);
  });

  test('who fails is passed over for who knows; if nobody does, the failure is told', async () => {
    const failing = await answering('', 2);
    const { ask } = forwarder({ next: 5000, all: 9000 });
    expect(await ask([failing.at, (await answering()).at])).toMatchObject(address('192.0.2.80'));
    expect(await ask([failing.at, nobody()])).toMatchObject({ rcode: 2 });
    expect(await ask([(await answering('', 3)).at, failing.at])).toMatchObject({ rcode: 3 });
  });

  test('forgeries are not taken: another id, another question, a question', async () => {
    const upstream = await fakeUpstream((message) => {
      const otherId = answerTo(message, '203.0.113.1');
      otherId.writeUInt16BE(message.readUInt16BE(0) ^ 1, 0);
      const otherName = answerTo(query('example.org', 'A', { id: message.readUInt16BE(0) }), '203.0.113.2');
      return [otherId, otherName, message, Buffer.of(1, 2, 3), answerTo(message)];
    });
    for (const transport of ['udp', 'tcp'] as const) {
      expect(await forwarder().ask([upstream.at], transport)).toMatchObject(address('192.0.2.80'));
    }
  });

  test('the same question under way is asked once', async () => {
    const upstream = await fakeUpstream(async (message) => {
      await systemClock.sleep(50);
      return [answerTo(message)];
    });
    const { made, ask } = forwarder({ next: 5000, all: 9000 });
    const other = query('example.com', 'AAAA', { id: 78 });
    const answers = [ask([upstream.at]), ask([upstream.at]), ask([upstream.at], 'udp', other)];
    expect(made.size).toBe(2);
    expect((await Promise.all(answers)).map((each) => each?.rcode)).toEqual([0, 0, 0]);
    expect(upstream.asked).toHaveLength(2);
    expect(made.size).toBe(0);
  });

  test('what is under way ends with the server', async () => {
    const { made, ask } = forwarder({ next: 60_000, all: 60_000 });
    const asked = ask([(await silent()).at]);
    made.close();
    expect(await asked).toBeUndefined();
    expect(made.size).toBe(0);
  });
});

/** How a client tries to come to a server that takes connections and does not answer, by a clock that is held. */
import { expect, test } from 'vitest';
import { until } from '../../../test/conformance/bus.ts';
import { heldClock } from '../../../test/conformance/held-clock.ts';
import { listener } from '../../../test/conformance/listener.ts';
import { silentLog } from '../../platform/platform.ts';
import { createZeroMqBus } from './zeromq.ts';

test('who is reached and does not answer in time is given more of it with each attempt', async () => {
  await using server = await listener();
  const clock = heldClock();
  const bus = createZeroMqBus({ log: silentLog, clock, random: () => 0.5 });
  const client = await bus.connect({
    server: { host: '127.0.0.1', ports: { requests: server.port, feed: 1 }, key: bus.generateKeys().publicKey },
    keys: bus.generateKeys(),
  });
  for (const [attempt, seconds] of [3, 6, 10, 10].entries()) {
    await until(`attempt ${attempt + 1}`, () => server.accepted() === attempt + 1);
    // The client has to have heard of its connection as well.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await clock.advance(seconds * 1000 - 1);
    await clock.advance(0);
    expect(server.open()).toBe(1);
    await clock.advance(1);
    await until('it is given up', () => server.open() === 0);
    // Longer than any pause between two attempts.
    await clock.advance(2500);
  }
  await client[Symbol.asyncDispose]();
});

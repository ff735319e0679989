import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { createFakeEngine } from './fake-engine.ts';
import { Dechunker, rawAnswer } from './raw-answer.ts';

const cleanups: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const requestTo = (socketPath: string) =>
  ({ socketPath, path: '/v1.41/logs', method: 'GET', timeoutMs: 5000, doing: 'read the logs' }) as const;

/** What answers any request with these bytes, and is done. */
async function answering(bytes: string, after: (socket: Socket) => void = (socket) => void socket.end()) {
  const fake = await createFakeEngine();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes, () => after(socket)));
  });
  await new Promise<void>((resolve) => server.listen(fake.socketPath, resolve));
  cleanups.push(async () => {
    await new Promise((resolve) => server.close(resolve));
    await fake[Symbol.asyncDispose]();
  });
  return rawAnswer(requestTo(fake.socketPath));
}

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  let all = '';
  for await (const data of body) all += data;
  return all;
}

const head = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`;

test('chunks come out as what they hold, however they and the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.nat(90), { maxLength: 40 }),
      fc.boolean(),
      (chunks, cuts, extended) => {
        const line = (size: number) => `${size.toString(16)}${extended ? ';name=value' : ''}\r\n`;
        const parts = chunks.flatMap((chunk) => [Buffer.from(line(chunk.length)), chunk, Buffer.from('\r\n')]);
        const trailer = extended ? 'Name: value\r\n\r\n' : '\r\n';
        let rest = Buffer.concat([...parts, Buffer.from(`0\r\n${trailer}`)]);
        const dechunker = new Dechunker();
        const got: Buffer[] = [];
        for (const cut of [...cuts, rest.length]) {
          got.push(dechunker.push(Buffer.from(rest.subarray(0, cut))));
          rest = rest.subarray(cut);
        }
        expect(Buffer.concat(got)).toEqual(Buffer.concat(chunks));
        expect(dechunker.ended).toBe(true);
      },
    ),
  );
});

test('status and headers are told, the body is read to its end', async () => {
  const answer = await answering(
    `${head('Transfer-Encoding: chunked\r\nX-Some: thing')}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
  );
  expect(answer).toMatchObject({ status: 200, headers: { 'x-some': 'thing' } });
  expect(await text(answer.body)).toBe('abcde');
  await answer.closed;
});

test('a body without chunks ends with its connection', async () => {
  expect(await text((await answering(`${head('Content-Length: 3')}abc`)).body)).toBe('abc');
});

test('an answer that ends in its middle is a broken connection, and so is what is no HTTP', async () => {
  const cut = await answering(`${head('Transfer-Encoding: chunked')}5\r\nabc`);
  await expect(text(cut.body)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(answering('what?\r\n\r\n')).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(answering('HTTP/1.1 200 OK\r\n')).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('whoever does not answer in time is not waited for', async () => {
  const fake = await createFakeEngine();
  fake.answer = () => {};
  await fake.listen();
  cleanups.push(() => fake[Symbol.asyncDispose]());
  await expect(rawAnswer({ ...requestTo(fake.socketPath), timeoutMs: 50 })).rejects.toMatchObject({
    code: 'deadline',
    message: expect.stringMatching(/read the logs within 0.05 s/),
  });
});

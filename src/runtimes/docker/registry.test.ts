import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { registryContents } from './registry.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** What answers like a registry; @returns HOST:PORT */
async function registry(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const sources = (login?: object, insecure = true) => ({
  trust: async () => ({ insecure, authorities: [] }),
  credentials: async () => (login === undefined ? undefined : Buffer.from(JSON.stringify(login)).toString('base64url')),
  signal: AbortSignal.timeout(5000),
});

const json = (response: ServerResponse, value: unknown, head: Record<string, string> = {}) =>
  void response.writeHead(200, head).end(JSON.stringify(value));

const full: Answer = ({ url = '' }, response) => {
  if (url.startsWith('/v2/_catalog')) return json(response, { repositories: ['team/api', 'team/gone', 'web'] });
  if (url.startsWith('/v2/team/api/')) return json(response, { name: 'team/api', tags: ['1', '2'] });
  if (url.startsWith('/v2/web/'))
    return json(response, { tags: ['1'] }, { link: '</v2/web/tags/list?last=1>; rel="next"' });
  return void response.writeHead(404).end('{"errors":[]}');
};

describe('what a registry has', () => {
  test('its repositories with their tags; one that has none is left out', async () => {
    const host = await registry(full);
    expect(await registryContents({ registry: host }, sources())).toEqual({
      repositories: [
        { name: 'team/api', tags: ['1', '2'], more: false },
        { name: 'web', tags: ['1'], more: true },
      ],
      more: false,
    });
  });

  test('of one repository, if it is asked for', async () => {
    const host = await registry(full);
    const { repositories } = await registryContents({ registry: host, repository: 'team/api' }, sources());
    expect(repositories).toEqual([{ name: 'team/api', tags: ['1', '2'], more: false }]);
    await expect(registryContents({ registry: host, repository: 'nope' }, sources())).rejects.toMatchObject({
      code: 'not-found',
      message: `registry ${host} has no repository nope: check its name`,
    });
  });

  test('with a login by name and password', async () => {
    const host = await registry((request, response) => {
      const shown = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64').toString();
      if (shown === 'team:secret') return full(request, response);
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const ours = sources({ username: 'team', password: 'secret' });
    expect((await registryContents({ registry: host }, ours)).repositories).toHaveLength(2);
    for (const login of [undefined, { username: 'team', password: 'wrong' }]) {
      await expect(registryContents({ registry: host }, sources(login))).rejects.toMatchObject({
        code: 'denied',
        message: expect.stringContaining(`"docker login ${host}"`),
      });
    }
  });

  test('with a token of the place that the registry names, also with nothing to show there', async () => {
    const asked: string[] = [];
    const host: string = await registry((request, response) => {
      const { url = '', headers } = request;
      if (url.startsWith('/token')) {
        asked.push(`${url} ${headers.authorization ?? 'nobody'}`);
        return json(response, { token: 'let-me-in' });
      }
      if (headers.authorization === 'Bearer let-me-in') return full(request, response);
      const challenge = `Bearer realm="http://${host}/token",service="r",scope="registry:catalog:*"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    const { repositories } = await registryContents({ registry: host, repository: 'web' }, sources());
    expect(repositories).toMatchObject([{ name: 'web' }]);
    expect(asked).toEqual(['/token?service=r&scope=registry%3Acatalog%3A* nobody']);
  });
});

describe('what is wrong is said', () => {
  test.each([
    [
      'without a catalogue',
      ((_, response) => void response.writeHead(404).end()) as Answer,
      'not-found',
      /has no catalogue/,
    ],
    ['no registry at all', ((_, response) => void response.end('<html>')) as Answer, 'not-found', /has no catalogue/],
    [
      'out of order',
      ((_, response) => void response.writeHead(500).end()) as Answer,
      'unavailable',
      /answers with 500/,
    ],
  ])('%s', async (_, answer, code, message) => {
    const host = await registry(answer);
    await expect(registryContents({ registry: host }, sources())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test('not there', async () => {
    const asked = registryContents({ registry: '127.0.0.1:9' }, sources());
    await expect(asked).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('registry 127.0.0.1:9 cannot be reached from this host (ECONNREFUSED)'),
    });
  });

  test('without TLS where the engine would ask for it', async () => {
    const host = await registry(full);
    await expect(registryContents({ registry: host }, sources(undefined, false))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('does not speak TLS: add it to "insecure-registries"'),
    });
  });

  test('Docker Hub, which has no catalogue, is not even asked', async () => {
    await expect(registryContents({ registry: 'docker.io' }, sources())).rejects.toMatchObject({
      message: 'Docker Hub has no catalogue: name a repository, like library/nginx',
    });
  });
});

import { describe, expect, test } from 'vitest';
import { Failure } from '../../domain/errors.ts';
import { fakeCluster, now } from './testing/fake-cluster.ts';
import { trama } from './testing/fake-io.ts';

const day = 86_400_000;
const nginx = { name: 'nginx:1.27', id: '0123456789ab', size: 50 * 2 ** 20, createdAt: now - 3 * day };
const alpine = { name: 'alpine:3', id: 'ba9876543210', size: 2 ** 20, createdAt: now - day };

const cluster = () =>
  fakeCluster().on('image.list', ({ node }: { node?: string }) =>
    [
      { node: 'h1', images: [nginx, alpine] },
      { node: 'h2', images: [nginx] },
    ].filter((one) => node === undefined || one.node === node),
  );

const registry = '10.0.0.9:5000';
const contents = {
  repositories: [
    { name: 'team/api', tags: ['1', '2'], more: false },
    { name: 'web', tags: ['1'], more: true },
  ],
  more: false,
  node: 'h1',
};

describe('image ls', () => {
  test('shows each image once, with the nodes that have it', async () => {
    const { code, out } = await trama('image ls', { api: cluster() });
    expect({ code, out }).toEqual({
      code: 0,
      out: [
        'IMAGE       ID            SIZE     CREATED  NODES',
        'alpine:3    ba9876543210  1.0 MiB  1d ago   h1',
        'nginx:1.27  0123456789ab  50 MiB   3d ago   h1, h2',
        '',
      ].join('\n'),
    });
    expect((await trama('image ls -q', { api: cluster() })).out).toBe('alpine:3\nnginx:1.27\n');
    expect(JSON.parse((await trama('image ls --node h2 -o json', { api: cluster() })).out)).toEqual([
      { ...nginx, nodes: ['h2'] },
    ]);
  });

  test('a node that says nothing is told of, beside what the others say', async () => {
    const api = fakeCluster().on('image.list', () => [
      { node: 'h1', images: [alpine] },
      { node: 'h2', images: [], missing: 'node h2: Docker is not running' },
    ]);
    const { code, out, err } = await trama('image ls -q', { api });
    expect({ code, out, err }).toEqual({
      code: 1,
      out: 'alpine:3\n',
      err: 'trama: h2: node h2: Docker is not running\n',
    });
  });

  test('--registry shows what it has, in names that run takes', async () => {
    const api = cluster().on('registry.list', () => contents);
    const { code, out, err } = await trama(`image ls --registry ${registry}`, { api });
    expect({ code, out }).toEqual({
      code: 0,
      out: 'REPOSITORY              TAGS\n10.0.0.9:5000/team/api  1, 2\n10.0.0.9:5000/web       1, …\n',
    });
    expect(err).toContain('has more than is shown');
    const names = await trama(`image ls -q --registry ${registry}`, { api });
    expect(names.out).toBe('10.0.0.9:5000/team/api:1\n10.0.0.9:5000/team/api:2\n10.0.0.9:5000/web:1\n');
    await trama(`image ls --registry ${registry} --node h2 web`, { api });
    expect(api.asked.at(-1)).toEqual({ method: 'registry.list', params: { registry, repository: 'web', node: 'h2' } });
  });

  test("--registry-auth shows the login of who asks; docker.io needs no name before an image's", async () => {
    const api = cluster().on('registry.list', () => ({
      ...contents,
      repositories: [{ name: 'library/nginx', tags: ['1.27'], more: false }],
    }));
    const { out } = await trama('image ls -q --registry docker.io library/nginx', { api });
    expect(out).toBe('nginx:1.27\n');
    const none = await trama('image ls --registry-auth --registry docker.io library/nginx', { api });
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('docker has no login for docker.io') });
  });

  test('what makes no sense is refused before anything is asked', async () => {
    const api = cluster();
    expect(await trama('image ls web', { api })).toMatchObject({ code: 2, err: expect.stringContaining('--registry') });
    expect(await trama('image ls --registry nginx', { api })).toMatchObject({ code: 2 });
    expect(api.asked).toEqual([]);
    const refused = cluster().on('registry.list', () =>
      Promise.reject(new Failure('not-found', 'it has no catalogue')),
    );
    const { code, err } = await trama('image ls --registry r:5000', { api: refused });
    expect({ code, err }).toEqual({ code: 1, err: 'trama: it has no catalogue\n' });
  });
});

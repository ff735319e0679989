import { expect, test } from 'vitest';
import { DocumentRefused } from '../../documents/problems.ts';
import type { Finished, Spawn } from '../../platform/platform.ts';
import { compile } from '../topology/compile.ts';
import { readTopology } from '../topology/read.ts';
import { requireImages } from './images.ts';

const file = `name: x
topology:
  nodes:
    h1: {kind: host}
    own: {kind: container, host: h1, image: "trama/busybox:1", network: bridge}
    web: {kind: container, host: h1, image: "nginx:1", network: bridge}
    db: {kind: container, host: h1, image: "mysql:8", network: bridge}
`;

/** What is wrong with the images of the file where `docker image inspect` says this of each. */
async function problems(docker: (image: string) => Partial<Finished> | undefined): Promise<readonly string[]> {
  const { topology, problems } = readTopology('lab.yaml', file);
  const run: Spawn = async ({ argv }) => {
    const said = docker(argv.at(-1) ?? '');
    if (said === undefined) throw new Error('docker is not installed');
    return { code: 0, stdout: '', stderr: '', ...said };
  };
  return requireImages(compile(topology, problems), problems, run).then(
    () => [],
    (error) => {
      if (error instanceof DocumentRefused) return error.problems;
      throw error;
    },
  );
}

test('every image that this machine does not have is told with its line, and what to do', async () => {
  const without = { code: 1, stderr: 'Error: No such image: nginx:1' };
  expect(await problems((image) => (image === 'nginx:1' ? without : {}))).toEqual([
    "lab.yaml:6: topology.nodes.web.image: this machine's Docker has no image nginx:1: get it there with `docker pull nginx:1`, or take trama/busybox:1, which the lab makes",
  ]);
  expect(await problems(() => undefined)).toEqual([
    expect.stringMatching(/^lab\.yaml:6: .*: there is no Docker on this machine that could give nginx:1: /),
    expect.stringMatching(/^lab\.yaml:7: .*: there is no Docker on this machine that could give mysql:8: /),
  ]);
});

test('the lab’s own image is nobody’s to have', async () => {
  const asked: string[] = [];
  const told = await problems((image) => {
    asked.push(image);
    return {};
  });
  expect(told).toEqual([]);
  expect(asked).toEqual(['nginx:1', 'mysql:8']);
});

/** Images of a lab's containers: the lab's own, and those that the Docker Engine of this machine has. */
import { writeFile } from 'node:fs/promises';
import type { Problems } from '../../documents/problems.ts';
import { Failure } from '../../domain/domain.ts';
import { type Finished, output, type Spawn } from '../../platform/platform.ts';
import { buildImage, labImage } from '../image.ts';
import type { LabModel } from '../topology/model.ts';
import { disksOf } from './names.ts';

/** An image may be large. */
const patienceMs = 300_000;

/** Without the lab's own, which is on every engine. */
export const imagesOf = ({ nodes }: LabModel): string[] =>
  [...new Set(nodes.flatMap(({ real }) => real?.image ?? []))].filter((image) => image !== labImage);

/** @throws DocumentRefused: there is no such image here */
export async function requireImages(model: LabModel, problems: Problems, run: Spawn): Promise<void> {
  const missing = new Map<string, string>();
  for (const image of imagesOf(model)) {
    const why = whyMissing(await inspect(image, run), image);
    if (why !== undefined) missing.set(image, why);
  }
  for (const { name, real } of model.nodes) {
    const why = missing.get(real?.image ?? '');
    if (why !== undefined) problems.at(['topology', 'nodes', name, 'image'], why);
  }
  problems.refuse();
}

const inspect = (image: string, run: Spawn): Promise<Finished | undefined> =>
  run({ argv: ['docker', 'image', 'inspect', '--format', '{{.Id}}', image] }).catch(() => undefined);

function whyMissing(answer: Finished | undefined, image: string): string | undefined {
  if (answer?.code === 0) return undefined;
  if (answer !== undefined && /no such image/i.test(answer.stderr)) {
    return `this machine's Docker has no image ${image}: get it there with \`docker pull ${image}\`, or take ${labImage}, which the lab makes`;
  }
  return `there is no Docker on this machine that could give ${image}: install and start one that has it, or take ${labImage}, which the lab makes`;
}

/** @returns files that `docker load` reads. @throws Failure */
export async function storeImages(model: LabModel, run: Spawn): Promise<string[]> {
  const own = `${disksOf(model.name)}/image.tar`;
  await writeFile(own, await buildImage(run));
  const others = imagesOf(model);
  if (others.length === 0) return [own];
  const file = `${disksOf(model.name)}/images.tar`;
  await output(run, { argv: ['docker', 'save', '--output', file, ...others], timeoutMs: patienceMs }).catch((cause) => {
    throw new Failure('unavailable', `this machine's Docker did not give ${others.join(', ')}: ${cause.message}`, {
      cause,
    });
  });
  return [own, file];
}

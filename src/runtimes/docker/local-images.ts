import { z } from 'zod';
import type { LocalImage } from '../runtimes.ts';
import type { Engine } from './engine.ts';

const answer = z.array(
  z.object({
    Id: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    /** Seconds since the epoch. */
    Created: z.number(),
    Size: z.number(),
  }),
);

/** Those that have a name: layers of a build, and what a newer image of its name has left without one, are nobody's choice. */
export async function localImages(engine: Engine): Promise<LocalImage[]> {
  const all = await engine.ask({ method: 'GET', path: '/images/json', doing: 'list its images' }, answer);
  return all.flatMap(({ Id, RepoTags, Created, Size }) =>
    (RepoTags ?? [])
      .filter((name) => name !== '<none>:<none>')
      .map((name) => ({ name, id: Id.replace(/^sha256:/, '').slice(0, 12), size: Size, createdAt: Created * 1000 })),
  );
}

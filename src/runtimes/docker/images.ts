/** Makes images present on the host. */
import { Failure, type ImageReference, isFailure, parseImageReference } from '../../domain/domain.ts';
import type { Clock } from '../../platform/platform.ts';
import type { Engine } from './engine.ts';
import { pullFailure } from './failures.ts';
import { jsonLines } from './json-lines.ts';
import { progressLine, pullProgress } from './pull-progress.ts';
import type { RegistryCredentials } from './registry-credentials.ts';

interface Context {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly credentials: RegistryCredentials;
}

/** An unreachable registry makes the engine wait for several connections before it says so. */
const pullBeginsWithinMs = 180_000;

export async function ensureImage(
  context: Context,
  reference: string,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (await isPresent(context.engine, reference)) return;
  if (reference.startsWith('sha256:')) {
    throw new Failure(
      'not-found',
      `There is no image ${reference} on this host; an id cannot be pulled, give its name.`,
    );
  }
  const image = parseImageReference(reference);
  onProgress(`pulling ${reference} from ${image.registry}`);
  await pull(context, reference, image, onProgress, signal);
}

async function isPresent(engine: Engine, reference: string): Promise<boolean> {
  // An image's id needs no registry; anything else has to be a name, or the path could lead elsewhere.
  const isId = /^(?:sha256:)?[0-9a-f]{12,64}$/.test(reference);
  if (!isId) parseImageReference(reference);
  try {
    await engine.call({ method: 'GET', path: `/images/${reference}/json`, doing: `look at the image ${reference}` });
    return true;
  } catch (error) {
    if (isFailure(error, 'not-found')) return false;
    throw error;
  }
}

async function pull(
  { engine, clock, credentials }: Context,
  reference: string,
  image: ImageReference,
  onProgress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const auth = await credentials(image.registry);
  const describe = pullProgress(reference, () => clock.now());
  try {
    const answer = await engine.open({
      method: 'POST',
      path: '/images/create',
      query: { fromImage: image.name, tag: image.tag },
      headers: auth === undefined ? {} : { 'X-Registry-Auth': auth },
      timeoutMs: pullBeginsWithinMs,
      signal,
      doing: `pull ${reference}`,
      explain: (_, text) => pullFailure(reference, text),
    });
    for await (const value of jsonLines(answer)) {
      const { success, data: line } = progressLine.safeParse(value);
      if (!success) continue;
      const error = line.errorDetail?.message ?? line.error;
      if (error !== undefined) throw pullFailure(reference, error);
      const sentence = describe(line);
      if (sentence !== undefined) onProgress(sentence);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Failure('unavailable', `The pull of ${reference} was given up before its end.`, { cause: error });
  }
}

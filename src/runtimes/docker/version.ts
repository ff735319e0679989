/** Which version of the Engine's API to speak. Pure. See "API version matrix" in Docker's Engine API documentation. */
import { z } from 'zod';
import { Failure } from '../../domain/domain.ts';

export const engineVersion = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z.string().optional(),
});

export type EngineVersion = z.infer<typeof engineVersion>;

/** Docker 20.10 speaks at most this. */
const oldest = '1.41';
/** Engines from 29 on refuse less than this; what we send and read is the same in both. */
const preferred = '1.44';

/** @returns e.g. `1.41`. @throws Failure `unavailable` when the engine is too old. */
export function chooseApiVersion(engine: EngineVersion): string {
  if (compare(engine.ApiVersion, oldest) < 0) {
    throw new Failure(
      'unavailable',
      `Docker ${engine.Version} on this host is too old: it speaks API ${engine.ApiVersion} and ${oldest} is needed; install Docker 20.10 or newer.`,
    );
  }
  const newest = compare(engine.ApiVersion, preferred) < 0 ? engine.ApiVersion : preferred;
  const least = engine.MinAPIVersion ?? oldest;
  return compare(newest, least) < 0 ? least : newest;
}

/** E.g. `Docker 20.10.24, API 1.41`: without the distribution's suffix. */
export function describeEngine(engine: EngineVersion, api: string): string {
  return `Docker ${engine.Version.replace(/\+.*$/, '')}, API ${api}`;
}

function compare(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}

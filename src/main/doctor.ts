/** The examination of this very host, composed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadIdentity } from '../agent/identity.ts';
import type { Check, ExamineOptions, Finding } from '../doctor/doctor.ts';
import { examine } from '../doctor/examine.ts';
import { freeSpace, holdersOf, reachTcp, type Spawn, silentLog, systemClock } from '../platform/platform.ts';
import { createDockerRuntime } from '../runtimes/docker/docker.ts';

export async function examineThisHost(
  settings: ExamineOptions['settings'],
  api: ExamineOptions['api'],
  spawn: Spawn,
  only?: ReadonlySet<Check>,
): Promise<Finding[]> {
  await using docker = createDockerRuntime({ socketPath: settings.dockerSocket, log: silentLog });
  return await examine({
    ...(only === undefined ? {} : { only }),
    settings,
    api,
    identity: () => loadIdentity(join(settings.state, 'agent')),
    host: {
      ...{ spawn, reachTcp, freeSpace, holdersOf },
      clock: systemClock,
      uid: process.getuid?.(),
      readFile: (path) => readFile(path, 'utf8'),
      docker: () => docker.status(),
    },
  });
}

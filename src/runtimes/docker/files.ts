/**
 * What the engine's files say of containers while it comes up: it answers nobody until all that it starts by itself are started.
 * Nothing is written. Their form has not changed since Docker 1.10; what is not as expected is an error, never a guess.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ContainerRuntime } from '../runtimes.ts';
import { strings } from './container-info.ts';
import type { Engine } from './engine.ts';

type Files = Pick<ContainerRuntime, 'home' | 'startedByItself'>;

const info = z.object({ DockerRootDir: z.string() });

const endpoint = z.object({
  NetworkID: z.string().nullish(),
  /** What somebody chose. */
  IPAMConfig: z.object({ IPv4Address: z.string().nullish() }).nullish(),
});

const configuration = z.object({
  ID: z.string(),
  Config: z.object({ Labels: strings }),
  State: z.object({ Running: z.boolean(), ExitCode: z.number() }),
  HasBeenManuallyStopped: z.boolean().nullish(),
  /** Old engines do not tell, and start it all the same. */
  HasBeenStartedBefore: z.boolean().nullish(),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint.nullable()).nullish() }),
});

const hostConfiguration = z.object({ RestartPolicy: z.object({ Name: z.string() }) });

const readJson = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, 'utf8'));

/** What is left of a container that was being removed is none to the engine either. */
const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error;
};

export const createFiles = (engine: Engine): Files => ({
  async home() {
    const request = { method: 'GET', path: '/info', doing: 'tell where it keeps containers' } as const;
    return (await engine.ask(request, info)).DockerRootDir;
  },

  async startedByItself(home) {
    const directory = join(home, 'containers');
    const all = await Promise.all(
      (await readdir(directory)).map(async (id) => {
        const [config, host] = await Promise.all([
          readJson(join(directory, id, 'config.v2.json')).catch(absent),
          readJson(join(directory, id, 'hostconfig.json')).catch(absent),
        ]);
        if (config === undefined || host === undefined) return [];
        const { ID, Config, NetworkSettings, ...its } = configuration.parse(config);
        if (!isStarted(hostConfiguration.parse(host).RestartPolicy.Name, its)) return [];
        const networks = Object.entries(NetworkSettings.Networks ?? {})
          .filter(([, each]) => !each?.IPAMConfig?.IPv4Address)
          .map(([name, each]) => ({ name, id: each?.NetworkID ?? '' }));
        return [{ id: ID, labels: Config.Labels ?? {}, networks }];
      }),
    );
    return all.flat();
  },
});

type Ended = Pick<z.infer<typeof configuration>, 'State' | 'HasBeenManuallyStopped' | 'HasBeenStartedBefore'>;

/** What ran when the engine died still runs, as the files have it. */
function isStarted(policy: string, { State, HasBeenManuallyStopped, HasBeenStartedBefore }: Ended): boolean {
  if (policy === '' || policy === 'no' || HasBeenStartedBefore === false) return false;
  if (policy === 'unless-stopped') return !HasBeenManuallyStopped;
  if (policy === 'on-failure') return State.Running || State.ExitCode !== 0;
  return true;
}

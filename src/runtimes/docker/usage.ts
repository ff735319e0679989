/** What a container uses, as the engine reads it of control groups and interfaces: version 1 and 2 of the former. */
import { z } from 'zod';
import type { ContainerUsage } from '../runtimes.ts';
import { shortId } from './container-info.ts';
import type { Engine } from './engine.ts';

const count = z.number().nullish();
const usageAnswer = z.object({
  /** Year 1: it does not run. */
  read: z.string(),
  cpu_stats: z.object({ cpu_usage: z.object({ total_usage: count }) }),
  memory_stats: z.object({
    usage: count,
    limit: count,
    stats: z.record(z.string(), z.number()).nullish(),
  }),
  pids_stats: z.object({ current: count }).nullish(),
  networks: z.record(z.string(), z.object({ rx_bytes: z.number(), tx_bytes: z.number() })).nullish(),
  blkio_stats: z
    .object({ io_service_bytes_recursive: z.array(z.object({ op: z.string(), value: z.number() })).nullish() })
    .nullish(),
});

/** @returns undefined of one that does not run. @throws Failure */
export async function usageOf(engine: Engine, id: string): Promise<ContainerUsage | undefined> {
  const path = `/containers/${encodeURIComponent(id)}/stats`;
  const query = { stream: false, 'one-shot': true };
  const doing = `measure the container ${shortId(id)}`;
  return readUsage(await engine.ask({ method: 'GET', path, query, doing }, usageAnswer));
}

export function readUsage(answer: z.infer<typeof usageAnswer>): ContainerUsage | undefined {
  const { read, cpu_stats, memory_stats, pids_stats, networks, blkio_stats } = answer;
  const time = Date.parse(read);
  if (!(time > 0)) return undefined;
  const cards = Object.values(networks ?? {});
  const blocks = blkio_stats?.io_service_bytes_recursive ?? [];
  const moved = (op: string) => sum(blocks.filter((each) => each.op.toLowerCase() === op).map((each) => each.value));
  return {
    time,
    cpuNanoseconds: cpu_stats.cpu_usage.total_usage ?? 0,
    memory: { used: memoryOf(memory_stats), limit: memory_stats.limit ?? 0 },
    network: { received: sum(cards.map((each) => each.rx_bytes)), sent: sum(cards.map((each) => each.tx_bytes)) },
    block: { read: moved('read'), written: moved('write') },
    pids: pids_stats?.current ?? 0,
  };
}

/** Without the cache of files that nothing holds: as `docker stats` counts, in version 1 and 2. */
function memoryOf({ usage, stats }: z.infer<typeof usageAnswer>['memory_stats']): number {
  const cache = stats?.total_inactive_file ?? stats?.inactive_file ?? 0;
  const used = usage ?? 0;
  return cache < used ? used - cache : used;
}

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

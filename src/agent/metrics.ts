/** CPU and memory of the host, from /proc (proc(5)). */

export interface CpuTimes {
  /** Clock ticks of all cores together. */
  readonly busy: number;
  readonly total: number;
}

export interface HostMetrics {
  /** Share of all cores in use since the last look, 0…1. */
  readonly cpu: number;
  /** Bytes. Used: what is not available to new programs. */
  readonly memory: { readonly used: number; readonly total: number };
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal guest guest_nice; guest is part of user. */
export function parseCpuTimes(stat: string): CpuTimes {
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
  const total = fields.reduce((sum, field) => sum + field, 0);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { busy: total - idle, total };
}

export function parseMemory(meminfo: string): { readonly used: number; readonly total: number } {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const total = bytes('MemTotal');
  return { used: total - bytes('MemAvailable'), total };
}

/** Share of the cores used between two looks; 0 when no time has passed. */
export function cpuShare(before: CpuTimes, after: CpuTimes): number {
  const total = after.total - before.total;
  return total <= 0 ? 0 : Math.min(1, Math.max(0, (after.busy - before.busy) / total));
}

/** A sampler: each call tells the share since the call before; the first since boot. */
export function hostMetrics(read: (path: string) => Promise<string>): () => Promise<HostMetrics> {
  let before: CpuTimes = { busy: 0, total: 0 };
  return async () => {
    const [stat, meminfo] = await Promise.all([read('/proc/stat'), read('/proc/meminfo')]);
    const after = parseCpuTimes(stat);
    const cpu = cpuShare(before, after);
    before = after;
    return { cpu, memory: parseMemory(meminfo) };
  };
}

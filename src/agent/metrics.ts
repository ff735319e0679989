/** CPU, memory and traffic of the host, from /proc (proc(5)). */

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
  /** Bytes a second over the underlay interface since the last look; absent at the first. */
  readonly traffic?: Traffic;
}

export interface Traffic {
  readonly received: number;
  readonly sent: number;
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

/** Bytes of an interface since it came up, from /proc/net/dev; undefined when it is not there. */
export function parseTraffic(dev: string, device: string): Traffic | undefined {
  const line = dev.split('\n').find((each) => each.trimStart().startsWith(`${device}:`));
  const fields = line
    ?.slice(line.indexOf(':') + 1)
    .trim()
    .split(/\s+/)
    .map(Number);
  return fields && { received: fields[0] ?? 0, sent: fields[8] ?? 0 };
}

export interface MetricsSources {
  read(path: string): Promise<string>;
  /** Name of the underlay interface. */
  device(): string;
  /** Milliseconds. */
  now(): number;
}

/** A sampler: each call tells the share since the call before; the first since boot. */
export function hostMetrics({ read, device, now }: MetricsSources): () => Promise<HostMetrics> {
  let before: CpuTimes = { busy: 0, total: 0 };
  let counted: { readonly device: string; readonly at: number; readonly bytes: Traffic } | undefined;
  const traffic = (dev: string) => {
    const [name, at, last] = [device(), now(), counted];
    const bytes = parseTraffic(dev, name);
    counted = bytes && { device: name, at, bytes };
    if (bytes === undefined || last?.device !== name || at <= last.at) return {};
    // A device that was made anew counts from nothing.
    const rate = (after: number, before: number) => Math.max(0, ((after - before) * 1000) / (at - last.at));
    return {
      traffic: {
        received: rate(bytes.received, last.bytes.received),
        sent: rate(bytes.sent, last.bytes.sent),
      },
    };
  };
  return async () => {
    const [stat, meminfo, dev] = await Promise.all([read('/proc/stat'), read('/proc/meminfo'), read('/proc/net/dev')]);
    const after = parseCpuTimes(stat);
    const cpu = cpuShare(before, after);
    before = after;
    return { cpu, memory: parseMemory(meminfo), ...traffic(dev) };
  };
}

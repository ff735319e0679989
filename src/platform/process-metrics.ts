/** What Prometheus' own clients tell of a process, under the same names, and how late its event loop is. */
import { readdir, readFile } from 'node:fs/promises';
import { type Metrics, stopwatch } from './metrics.ts';

/** Everything is read when somebody asks. */
export function processMetrics(metrics: Metrics, build: { readonly version: string; readonly role: string }): void {
  metrics.read('gauge', 'trama_build_info', 'Which Trama this is. Always 1.', () => [
    { labels: { ...build, node_version: process.versions.node }, value: 1 },
  ]);
  metrics.read('counter', 'process_cpu_seconds_total', 'CPU time used by the process itself, in seconds.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.read('gauge', 'process_start_time_seconds', 'When the process started, in seconds since 1970.', () => {
    return Math.round((Date.now() - process.uptime() * 1000) / 10) / 100;
  });
  metrics.read('gauge', 'process_resident_memory_bytes', 'Memory of the process that is in RAM.', () =>
    process.memoryUsage.rss(),
  );
  metrics.read('gauge', 'process_virtual_memory_bytes', 'Memory that the process has mapped.', async () => {
    const [pages = ''] = (await readFile('/proc/self/statm', 'utf8')).split(' ');
    return Number(pages) * pageBytes;
  });
  metrics.read(
    'gauge',
    'process_open_fds',
    'Open file descriptors.',
    async () => (await readdir('/proc/self/fd')).length,
  );
  metrics.read('gauge', 'process_max_fds', 'How many file descriptors may be open.', async () => {
    const limit = /^Max open files\s+(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  });
  metrics.read(
    'gauge',
    'trama_event_loop_lag_seconds',
    'How late the event loop was when this was asked.',
    async () => {
      const since = stopwatch();
      await new Promise((resolve) => setImmediate(resolve));
      return since();
    },
  );
  metrics.read('counter', 'trama_event_loop_busy_seconds_total', 'How long the event loop has been at work.', () => {
    return performance.eventLoopUtilization().active / 1000;
  });
}

/** Of x86-64 and of arm64 as the distributions build it. */
const pageBytes = 4096;

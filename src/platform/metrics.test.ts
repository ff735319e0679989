import { expect, test } from 'vitest';
import { families } from '../../test/exposition.ts';
import { silentLog } from './log.ts';
import { Metrics } from './metrics.ts';
import { processMetrics } from './process-metrics.ts';
import { requestMeter } from './request-meter.ts';

test('what is written is what the format says', async () => {
  const metrics = new Metrics();
  const asked = metrics.counter('asked_total', 'How often.\nReally \\ truly.');
  asked.of({ who: 'a "b"\\\n' }).add();
  asked.of({ who: 'a "b"\\\n' }).add(2);
  metrics.read('gauge', 'level', 'How high.', () => Number.POSITIVE_INFINITY);
  expect(await metrics.text(silentLog)).toBe(
    [
      '# HELP asked_total How often.\\nReally \\\\ truly.',
      '# TYPE asked_total counter',
      'asked_total{who="a \\"b\\"\\\\\\n"} 3',
      '# HELP level How high.',
      '# TYPE level gauge',
      'level +Inf',
      '',
    ].join('\n'),
  );
});

test('buckets hold what is at most their bound, and all that is below', async () => {
  const metrics = new Metrics();
  const seconds = metrics.histogram('took_seconds', 'How long.', [0.1, 1]).of({ by: 'x' });
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  expect((await metrics.text(silentLog)).split('\n').slice(2, -1)).toEqual([
    'took_seconds_bucket{by="x",le="0.1"} 2',
    'took_seconds_bucket{by="x",le="1"} 3',
    'took_seconds_bucket{by="x",le="+Inf"} 4',
    'took_seconds_sum{by="x"} 7.65',
    'took_seconds_count{by="x"} 4',
  ]);
});

test('a figure that cannot be read is left out and told, and the others are there', async () => {
  const metrics = new Metrics();
  metrics.read('gauge', 'broken', 'Fails.', () => Promise.reject(new Error('gone')));
  metrics.read('gauge', 'none', 'Nothing.', () => []);
  metrics.read('gauge', 'whole', 'Works.', async () => [{ labels: { kind: 'a' }, value: 2 }]);
  const told: unknown[] = [];
  const text = await metrics.text({ ...silentLog, warn: (_message, fields) => told.push(fields?.name) });
  expect(text).toBe('# HELP whole Works.\n# TYPE whole gauge\nwhole{kind="a"} 2\n');
  expect(told).toEqual(['broken']);
});

test('who asks at the same time gets the same; who asks later has it read anew', async () => {
  const metrics = new Metrics();
  let reads = 0;
  metrics.read('gauge', 'reads', 'Counts.', () => (reads += 1));
  const [one, other] = await Promise.all([metrics.text(silentLog), metrics.text(silentLog)]);
  expect(one).toBe(other);
  expect(one).toContain('reads 1');
  expect(await metrics.text(silentLog)).toContain('reads 2');
});

test('a name stands once, and is one', () => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'x');
  expect(() => metrics.histogram('a_total', 'x')).toThrow('two metrics');
  expect(() => metrics.counter('a-total', 'x')).toThrow('cannot be');
});

test('a process tells what Prometheus’ own clients tell', async () => {
  const metrics = new Metrics();
  processMetrics(metrics, { version: '1.2.3', role: 'server' });
  const found = families(await metrics.text(silentLog));
  const value = (name: string) => found.get(name)?.samples[0]?.value ?? Number.NaN;
  expect(found.get('trama_build_info')?.samples[0]?.labels).toMatchObject({ version: '1.2.3', role: 'server' });
  expect(value('process_resident_memory_bytes')).toBeGreaterThan(10e6);
  expect(value('process_virtual_memory_bytes')).toBeGreaterThan(value('process_resident_memory_bytes'));
  expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(value('process_open_fds')).toBeGreaterThan(3);
  expect(value('process_max_fds')).toBeGreaterThan(value('process_open_fds'));
  expect(Math.abs(Date.now() / 1000 - process.uptime() - value('process_start_time_seconds'))).toBeLessThan(1);
  expect(value('trama_event_loop_lag_seconds')).toBeGreaterThan(0);
  expect(found.has('trama_event_loop_busy_seconds_total')).toBe(true);
});

test('requests are counted by outcome, and all that took time', async () => {
  const metrics = new Metrics();
  const meter = requestMeter(metrics, (error) => (error as Error).message);
  expect(await meter('a', async () => 7)).toBe(7);
  await expect(meter('a', () => Promise.reject(new Error('denied')))).rejects.toThrow('denied');
  const found = families(await metrics.text(silentLog));
  expect(found.get('trama_requests_total')?.samples).toEqual([
    { name: 'trama_requests_total', labels: { method: 'a', outcome: 'ok' }, value: 1 },
    { name: 'trama_requests_total', labels: { method: 'a', outcome: 'denied' }, value: 1 },
  ]);
  expect(found.get('trama_request_duration_seconds')?.samples.at(-1)).toMatchObject({ value: 2 });
});

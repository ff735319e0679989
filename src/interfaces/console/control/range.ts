/** Parts of time, as people type them: `30m`, `2h..1h`, `2026-01-31T10:00`. Pure. */
import { parseDuration } from '../../../domain/run-options.ts';
import type { LogRange } from '../state.ts';

/** @returns undefined when it is none */
export function parseRange(text: string, now: number): LogRange | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return { text: '' };
  const [from = '', until = '', ...more] = trimmed.split('..');
  const [since, end] = [timeOf(from, now), timeOf(until, now)];
  if (more.length > 0 || since === undefined || end === undefined) return undefined;
  if (since !== null && end !== null && end <= since) return undefined;
  return { text: trimmed, ...(since === null ? {} : { since }), ...(end === null ? {} : { until: end }) };
}

/** @returns null for an open end */
function timeOf(text: string, now: number): number | null | undefined {
  if (text.trim() === '') return null;
  try {
    return now - parseDuration(text.trim());
  } catch {
    const time = /^\d{4}-\d\d-\d\d/.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
    return Number.isNaN(time) ? undefined : time;
  }
}

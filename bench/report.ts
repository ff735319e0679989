/** What a subject has measured, as a table for people and as JSON. */
import { summarize } from './statistics.ts';

/** One thing measured several times. */
export interface Figure {
  readonly label: string;
  readonly unit: string;
  readonly values: readonly number[];
}

/** A target, and what was measured instead. `unit` × is a ratio to the peer in the same run. */
export interface Target {
  readonly what: string;
  readonly relation: 'at most' | 'at least' | 'under' | 'exactly';
  readonly limit: number;
  readonly measured: number;
  readonly unit: string;
}

export interface Report {
  readonly subject: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  /** Heads of the figures' values, when they are not measurements of one thing but one each under several conditions. */
  readonly columns?: readonly string[];
  readonly targets: readonly Target[];
  /** Sentences: conditions of the measurement that a reader must know. */
  readonly notes: readonly string[];
}

function isReached({ relation, limit, measured }: Target): boolean {
  if (relation === 'at most') return measured <= limit;
  if (relation === 'at least') return measured >= limit;
  return relation === 'under' ? measured < limit : measured === limit;
}

/** Lines without their newlines. */
export function asText(report: Report): string[] {
  return [
    `${report.subject}: ${report.title}`,
    ...table(rows(report)),
    ...report.targets.map((target) => `  ${verdict(target)}`),
    ...report.notes.map((note) => `  ${note}`),
  ];
}

function rows({ figures, columns }: Report): string[][] {
  if (columns !== undefined) {
    return [['', ...columns, ''], ...figures.map(({ label, unit, values }) => [label, ...values.map(number), unit])];
  }
  const cells = figures.map(({ label, unit, values }) => {
    const { min, median, max, count } = summarize(values);
    return [label, ...[min, median, max].map(number), unit, `n=${count}`];
  });
  return [['', 'min', 'median', 'max', '', ''], ...cells];
}

export function asJson(report: Report): object {
  return {
    ...report,
    figures: report.columns ? report.figures : report.figures.map((each) => ({ ...each, ...summarize(each.values) })),
    targets: report.targets.map((target) => ({ ...target, reached: isReached(target) })),
  };
}

function verdict(target: Target): string {
  const { what, relation, limit, measured, unit } = target;
  const asked = `${relation} ${withUnit(limit, unit)}`;
  if (isReached(target)) return `reached: ${what}: ${withUnit(measured, unit)} (${asked})`;
  return `not reached: ${what}: ${withUnit(measured, unit)} instead of ${asked}`;
}

const withUnit = (value: number, unit: string) => (unit === '×' ? `${number(value)}×` : `${number(value)} ${unit}`);

/** Three digits that count. */
function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
}

/** The first column to the left, numbers to the right, each as wide as its widest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 || column === 4 ? cell.padEnd(width) : cell.padStart(width);
    });
    return `  ${cells.join('  ').trimEnd()}`;
  });
}

/** A strict reader of the exposition format 0.0.4: what Prometheus would refuse, or count wrongly, it throws at. */

export interface Read {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface FamilyRead {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: Read[];
}

export function families(text: string): ReadonlyMap<string, FamilyRead> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const found = new Map<string, FamilyRead>();
  let help: { name: string; text: string } | undefined;
  let open: { name: string; family: FamilyRead } | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const helps = /^# HELP ([a-zA-Z_:][\w:]*) ((?:[^\\]|\\[\\n])+)$/.exec(line);
    const types = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (helps) help = { name: helps[1] ?? '', text: helps[2] ?? '' };
    else if (types) {
      const name = types[1] ?? '';
      if (help?.name !== name) throw new Error(`no help directly before the type: ${line}`);
      if (found.has(name)) throw new Error(`${name} stands twice`);
      const family: FamilyRead = { type: types[2] as FamilyRead['type'], help: help.text, samples: [] };
      if (family.type === 'counter' && !name.endsWith('_total')) throw new Error(`a counter called ${name}`);
      if (family.type !== 'counter' && name.endsWith('_total')) throw new Error(`no counter, but called ${name}`);
      found.set(name, family);
      open = { name, family };
    } else {
      if (open === undefined) throw new Error(`a sample of no family: ${line}`);
      open.family.samples.push(sample(line, open.name, open.family.type));
    }
  }
  for (const [name, family] of found) check(name, family);
  return found;
}

/** The sum of all series whose labels are these; NaN when there is none. */
export function total(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = [...families(text).values()].find(({ samples }) => samples.some((each) => each.name === name));
  const fitting = (family?.samples ?? []).filter(
    (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  );
  return fitting.length === 0 ? Number.NaN : fitting.reduce((sum, { value }) => sum + value, 0);
}

function sample(line: string, family: string, type: FamilyRead['type']): Read {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.+)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name = '', pairs = '', number = ''] = match;
  const names = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => family + end) : [family];
  if (!names.includes(name)) throw new Error(`${name} is not of the family ${family}`);
  return { name, labels: labelsOf(pairs, line), value: Number(number.replace('Inf', 'Infinity')) };
}

function labelsOf(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/.exec(rest);
    if (match === null) throw new Error(`labels that cannot be read: ${line}`);
    const [all, name = '', value = ''] = match;
    if (name in labels) throw new Error(`a label twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
    rest = rest.slice(all.length);
  }
  return labels;
}

function check(name: string, { type, samples }: FamilyRead): void {
  if (samples.length === 0) throw new Error(`${name} has no sample`);
  const seen = new Set(samples.map((each) => JSON.stringify([each.name, Object.entries(each.labels).sort()])));
  if (seen.size < samples.length) throw new Error(`a series of ${name} stands twice`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below zero`);
  if (type !== 'histogram') return;
  const series = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels));
  for (const each of series.values()) {
    const buckets = each.filter((one) => one.name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('Inf', 'Infinity')));
    const grows = (numbers: number[]) => numbers.every((number, i) => i === 0 || number >= (numbers[i - 1] ?? 0));
    if (!grows(bounds) || !grows(buckets.map(({ value }) => value))) throw new Error(`buckets of ${name} do not grow`);
    const count = each.find((one) => one.name.endsWith('_count'))?.value;
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY || buckets.at(-1)?.value !== count)
      throw new Error(`the last bucket of ${name} is not its count`);
  }
}

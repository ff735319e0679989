/** Docker's progress of a pull, layer by layer, as now and then a sentence. Pure. */
import { z } from 'zod';

export const progressLine = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).nullish(),
  error: z.string().optional(),
  errorDetail: z.object({ message: z.string().optional() }).nullish(),
});

export type ProgressLine = z.infer<typeof progressLine>;

interface Layer {
  readonly current: number;
  readonly total: number;
  readonly done: boolean;
}

const intervalMs = 500;
/** More layers than any image has. */
const layerLimit = 1024;

/** @returns takes a line and answers a sentence when it is time for one. */
export function pullProgress(reference: string, now: () => number): (line: ProgressLine) => string | undefined {
  const layers = new Map<string, Layer>();
  let lastAt = Number.NEGATIVE_INFINITY;
  let lastSaid = '';
  return (line) => {
    note(layers, line);
    if (layers.size === 0 || now() - lastAt < intervalMs) return undefined;
    const sentence = `pulling ${reference}: ${describe([...layers.values()])}`;
    if (sentence === lastSaid) return undefined;
    lastAt = now();
    lastSaid = sentence;
    return sentence;
  };
}

function note(layers: Map<string, Layer>, { status, id, progressDetail }: ProgressLine): void {
  if (id === undefined || status === undefined || status.startsWith('Pulling from')) return;
  const layer = layers.get(id) ?? { current: 0, total: 0, done: false };
  if (!layers.has(id) && layers.size >= layerLimit) return;
  if (status === 'Downloading') {
    const { current = layer.current, total = layer.total } = progressDetail ?? {};
    layers.set(id, { ...layer, current, total });
  } else if (['Download complete', 'Extracting', 'Verifying Checksum'].includes(status)) {
    layers.set(id, { ...layer, current: layer.total });
  } else {
    layers.set(id, { ...layer, done: layer.done || status === 'Pull complete' || status === 'Already exists' });
  }
}

function describe(layers: readonly Layer[]): string {
  const done = layers.filter((layer) => layer.done).length;
  const sum = (of: (layer: Layer) => number) => megabytes(layers.reduce((total, layer) => total + of(layer), 0));
  return `${done} of ${layers.length} layers, ${sum((l) => l.current)} of ${sum((l) => l.total)} MB`;
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

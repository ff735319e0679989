/** Who reaches whom: one ping from every place to every other, and the answer as a table. */
import type { LabHost } from './host.ts';

export interface Place {
  readonly name: string;
  readonly address: string;
}

/** A place to ping from. */
export interface Source extends Place {
  /** Runs a shell script with arguments there; its standard output. */
  shell(script: string, ...args: string[]): Promise<string>;
}

export interface Reachability {
  readonly sources: readonly Place[];
  readonly targets: readonly Place[];
  reached(source: Place, target: Place): boolean;
  /** Every pair that does not hold, as `cli → web`. */
  readonly missing: readonly string[];
}

/** All at once from one source; prints the addresses that answered. */
const pingAll = 'for t in "$@"; do (ping -c1 -W2 "$t" >/dev/null 2>&1 && echo "$t") & done; wait';

/** @param skip pairs that are not asked, e.g. a place and itself */
export async function probe(
  sources: readonly Source[],
  targets: readonly Place[],
  skip: (source: Place, target: Place) => boolean = (source, target) => source.address === target.address,
): Promise<Reachability> {
  const answered = await Promise.all(
    sources.map(async (source) => {
      const asked = targets.filter((target) => !skip(source, target)).map((target) => target.address);
      return new Set((await source.shell(pingAll, ...asked)).split(/\s+/));
    }),
  );
  const reached = (source: Place, target: Place) =>
    skip(source, target) || (answered[sources.indexOf(source as Source)]?.has(target.address) ?? false);
  const pairs = sources.flatMap((source) => targets.map((target) => ({ source, target })));
  const missing = pairs.filter(({ source, target }) => !reached(source, target));
  return { sources, targets, reached, missing: missing.map(({ source, target }) => `${source.name} → ${target.name}`) };
}

/** A container of a simulated host, through that host's own Docker. */
export function containerSource(host: LabHost, name: string, address: string): Source {
  return { name, address, shell: (script, ...args) => host.docker('exec', name, 'sh', '-c', script, 'sh', ...args) };
}

export function hostSource(host: LabHost): Source {
  return {
    name: host.name,
    address: host.address,
    shell: (script, ...args) => host.output(['sh', '-c', script, 'sh', ...args], { timeoutMs: 30_000 }),
  };
}

/** The table as lines of text. `·`: not asked. */
export function reachabilityTable(result: Reachability): string[] {
  const left = Math.max(...result.sources.map((source) => source.name.length));
  const widths = result.targets.map((target) => target.name.length);
  const head = `${' '.repeat(left)}  ${result.targets.map((target) => target.name).join('  ')}`;
  const rows = result.sources.map((source) => {
    const cells = result.targets.map((target, i) => cell(result, source, target).padEnd(widths[i] ?? 0));
    return `${source.name.padEnd(left)}  ${cells.join('  ')}`.trimEnd();
  });
  return [head, ...rows];
}

function cell(result: Reachability, source: Place, target: Place): string {
  if (source.address === target.address) return '·';
  return result.reached(source, target) ? '✓' : '✗';
}

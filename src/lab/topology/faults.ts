/**
 * Slow and lossy cables. netem is not in every kernel; a token bucket and a drop by chance are. Frames are lost where they arrive: who
 * sends is told of what its own end drops, and no wire tells that.
 */
import type { Purposed } from './kernel-state.ts';
import { endName, type LabModel, nodeOf } from './model.ts';
import { labTable } from './real.ts';

export function faults(model: LabModel): Purposed[] {
  const lossy = new Set<string>();
  return model.cables.flatMap(({ ends, rate, loss }) =>
    ends.flatMap((end): Purposed[] => {
      const node = nodeOf(model, end.node);
      const ns = node?.namespace ?? '';
      const found: Purposed[] = [];
      if (rate !== undefined) {
        const object = { kind: 'qdisc', ns, device: end.port, rate, burst: burstOf(rate) } as const;
        found.push({ object, why: `${endName(end)} sends no faster` });
      }
      if (loss > 0) {
        const table = node === undefined ? 'trama' : labTable(node);
        const place = { ns, family: 'netdev', table } as const;
        if (!lossy.has(ns))
          found.push({ object: { kind: 'nft-table', ...place }, why: 'holds the rules that lose frames' });
        lossy.add(ns);
        const hook = { type: 'filter', hook: 'ingress', device: end.port, priority: 0 } as const;
        const object = { kind: 'nft-chain', ...place, name: `loss-${end.port}`, hook, rules: [drop(loss)] } as const;
        found.push({ object, why: `${loss}% of what comes to ${endName(end)} is lost` });
      }
      return found;
    }),
  );
}

/** A hundredth of a second's worth, and never less than a few large frames. */
const burstOf = (rate: number): number => Math.max(16_000, Math.ceil(rate / 8 / 100));

/** nft refuses a comparison that always holds. */
function drop(loss: number): string {
  return loss >= 100 ? 'counter drop' : `numgen random mod 1000 < ${Math.round(loss * 10)} drop`;
}

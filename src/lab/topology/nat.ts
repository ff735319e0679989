/** Masquerading and published ports of a host, as rules in the one nft table of ours. */
import type { NftChainObject } from '../../kernel/kernel.ts';
import type { Purposed } from './kernel-state.ts';
import type { LabNode } from './model.ts';
import { labTable } from './real.ts';

export function translation({ namespace: ns, name, nat, runs }: LabNode): Purposed[] {
  if (nat === undefined) return [];
  const { device, published } = nat;
  const place = { ns, family: 'ip', table: labTable({ runs }) } as const;
  const chain = (name: string, hook: NonNullable<NftChainObject['hook']>, rules: readonly string[]) =>
    ({ kind: 'nft-chain', ...place, name, hook, rules }) as const;
  const ports = published.map(
    ({ protocol, port, address, targetPort }) =>
      `iifname "${device}" ${protocol} dport ${port} dnat to ${address}:${targetPort}`,
  );
  const leads = published.map(({ port, node, targetPort }) => `${port} to ${node}'s ${targetPort}`).join(', ');
  return [
    { object: { kind: 'nft-table', ...place }, why: `holds ${name}'s rules` },
    {
      object: chain('postrouting', { type: 'nat', hook: 'postrouting', priority: 100 }, [
        `oifname "${device}" masquerade`,
      ]),
      why: `what leaves by ${device} carries ${name}'s own address, and answers find back`,
    },
    ...(published.length === 0
      ? []
      : [
          {
            object: chain('prerouting', { type: 'nat', hook: 'prerouting', priority: -100 }, ports),
            why: `published ports lead to containers: ${leads}`,
          },
        ]),
    {
      object: chain('forward', { type: 'filter', hook: 'forward', priority: 0 }, [
        `iifname "${device}" ct state established,related accept`,
        `iifname "${device}" ct status dnat accept`,
        `iifname "${device}" drop`,
      ]),
      why: `from ${device} only answers and what goes to a published port are passed on`,
    },
  ];
}

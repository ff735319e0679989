/** A topology file's text as a topology. */
import type { Problems } from '../../documents/problems.ts';
import { readDocument } from '../../documents/read.ts';
import { adapt } from './containerlab.ts';
import { type Topology, topologySchema } from './schema.ts';

export interface ReadTopology {
  readonly topology: Topology;
  /** Takes further problems, and knows their lines. */
  readonly problems: Problems;
  readonly warnings: readonly string[];
}

/** @param file its name, for messages. @throws DocumentRefused */
export function readTopology(file: string, text: string): ReadTopology {
  const why = 'means something to containerlab and nothing here: ignored';
  const kind = { name: 'topology', schema: topologySchema, adapt: (read: unknown) => ({ ...adapt(read), why }) };
  const { value: topology, ...rest } = readDocument(file, text, kind);
  return { topology, ...rest };
}

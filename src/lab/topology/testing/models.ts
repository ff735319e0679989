/** Topologies of tests, from text. */

import { DocumentRefused } from '../../../documents/problems.ts';
import { compile } from '../compile.ts';
import type { LabModel } from '../model.ts';
import { readTopology } from '../read.ts';

export function modelFrom(text: string): LabModel {
  const { topology, problems } = readTopology('lab.yaml', text);
  return compile(topology, problems);
}

/** What is wrong with it. */
export function problemsOf(text: string): readonly string[] {
  try {
    modelFrom(text);
    return [];
  } catch (error) {
    if (error instanceof DocumentRefused) return error.problems;
    throw error;
  }
}

/** A file of these nodes, from line 4 on, and these links. */
export const topologyOf = (nodes: string, links = '[]', rest = '') =>
  `name: x\ntopology:\n  nodes:\n${nodes
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')}\n  links: ${links}\n${rest}`;

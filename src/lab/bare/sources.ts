/** What a word of the command line names: a file, a scenario that comes with Trama, or N hosts with M containers. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { either, type Problems } from '../../documents/problems.ts';
import { Failure } from '../../domain/domain.ts';
import { readIfThere } from '../../platform/platform.ts';
import { compile } from '../topology/compile.ts';
import { gridTopology, parseGrid } from '../topology/grid.ts';
import type { LabModel } from '../topology/model.ts';
import { readTopology } from '../topology/read.ts';

export interface Source {
  /** For messages: the file's path, or the word. */
  readonly file: string;
  readonly text: string;
}

export interface LoadedLab {
  readonly source: Source;
  readonly model: LabModel;
  readonly warnings: readonly string[];
  /** Takes what is found wrong later, and knows the file's lines. */
  readonly problems: Problems;
}

const scenarioDirectory = fileURLToPath(new URL('../../../lab', import.meta.url));

/** Names of the scenarios that come with Trama. */
export async function scenarios(): Promise<string[]> {
  const files = await readdir(scenarioDirectory).catch(() => []);
  return files.flatMap((file) => (file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : [])).sort();
}

/** @throws Failure: there is nothing of that name */
export async function findSource(word: string): Promise<Source> {
  const grid = parseGrid(word);
  if (grid !== undefined) return { file: word, text: gridTopology(grid) };
  const known = await scenarios();
  const path = known.includes(word) ? join(scenarioDirectory, `${word}.yaml`) : word;
  const text = await readIfThere(path).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('invalid', `${word} cannot be read (${error.code}): name a topology file`, { cause: error });
  });
  if (text !== undefined) return { file: path, text };
  throw new Failure(
    'not-found',
    `there is no file ${word}, and no such scenario: there are ${either([...known, 'NxM'])}`,
  );
}

/** @throws DocumentRefused */
export function load(source: Source): LoadedLab {
  const { topology, problems, warnings } = readTopology(source.file, source.text);
  return { source, model: compile(topology, problems), warnings, problems };
}

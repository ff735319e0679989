import { expect, test } from 'vitest';
import { gridTopology } from '../topology/grid.ts';
import { addressOf } from '../topology/model.ts';
import { modelFrom } from '../topology/testing/models.ts';
import { type Question, roundsOf } from './matrix.ts';

const limit = 1024;

function questionsOf(hosts: number, containers: number): Question[] {
  const { nodes, segments } = modelFrom(gridTopology({ hosts, containers }));
  const asked = nodes.filter(({ kind }) => kind === 'container');
  return asked.map((from) => ({
    from,
    addresses: asked.filter((other) => other !== from).map((other) => addressOf(other) ?? ''),
    neighbours: new Set(
      segments
        .filter(({ members }) => members.some(({ node }) => node === from.name))
        .flatMap(({ members }) => members.map(({ address }) => address)),
    ),
  }));
}

/** How many entries a round leaves: both of two neighbours learn of one another, and who is asked from afar of its gateway. */
function entriesOf(round: readonly Question[]): number {
  const pairs = new Set<string>();
  const remote = new Set<string>();
  for (const { from, addresses, neighbours } of round) {
    for (const address of addresses) {
      if (neighbours.has(address)) pairs.add([addressOf(from), address].sort().join(' '));
      else remote.add(address);
    }
  }
  return 2 * (pairs.size + remote.size);
}

test.each([
  [2, 2],
  [10, 10],
  [20, 20],
  [1, 100],
])('%i × %i: every pair is asked once, and no round fills the table of neighbours', (hosts, containers) => {
  const questions = questionsOf(hosts, containers);
  const rounds = roundsOf(questions, limit);
  const pairs = rounds.flat().flatMap(({ from, addresses }) => addresses.map((address) => `${from.name} ${address}`));
  expect(new Set(pairs).size).toBe(pairs.length);
  expect(pairs.length).toBe(hosts * containers * (hosts * containers - 1));
  for (const round of rounds) expect(entriesOf(round)).toBeLessThanOrEqual(limit / 2);
});

test('a small matrix is one round', () => {
  expect(roundsOf(questionsOf(3, 4), limit)).toHaveLength(1);
});

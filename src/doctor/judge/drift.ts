/** What the kernel holds against what the agent wants. */
import { type Asked, about, type Finding, notAsked } from '../finding.ts';

export interface DriftFact {
  /** What a pass would change, in sentences: at the first look, and what is still so at the second. */
  readonly first: readonly string[];
  readonly second: readonly string[];
}

export function judgeDrift(fact: Asked<DriftFact>): Finding[] {
  if ('notAsked' in fact) return [notAsked('drift', 'this host', fact)];
  const { pass, warn, fail } = about('drift');
  const { first, second } = fact.value;
  if (first.length === 0) return [pass('this host', 'the kernel holds what it should, no more and no less')];
  const left = first.filter((sentence) => second.includes(sentence));
  if (left.length === 0) {
    const found = `${first.length} differences, just repaired: ${brief(first)}`;
    return [
      warn('this host', found, 'Find out who changes Trama’s things (`trama node inspect` tells what it repaired).'),
    ];
  }
  const found = `${left.length} differences that stay: ${brief(left)}`;
  return [fail('this host', found, 'Look at the agent’s log for why the kernel refuses them.')];
}

const brief = (sentences: readonly string[]): string =>
  sentences.slice(0, 3).join('; ') + (sentences.length > 3 ? `; and ${sentences.length - 3} more` : '');

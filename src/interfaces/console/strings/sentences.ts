/**
 * What servers and agents say, in the language of whoever sits before the console. They speak English; what the choices of the
 * console can bring about is known by its form, the rest is shown as it came. `sentences.test.ts` has each said by who says it.
 */
import { clause } from '../../cli/text.ts';
import { sentencesInSpanish } from './sentences-es.ts';
import type { Language } from './strings.ts';

/** A sentence as it came, in the console's language if it is known. */
export type Tell = (sentence: string) => string;

/** By a sentence in English, the same: `{name}` is a value, `{why…}` a sentence again, `{all…}` several with their "and". */
export type Sentences = Readonly<Record<string, string>>;

const tables: Readonly<Partial<Record<Language, Sentences>>> = { es: sentencesInSpanish };

interface Known {
  readonly form: RegExp;
  readonly says: string;
}

export function tellIn(language: Language): Tell {
  const table = tables[language];
  if (table === undefined) return (sentence) => sentence;
  let known: readonly Known[] | undefined;
  const tell: Tell = (sentence) => {
    known ??= Object.entries(table).map(([form, says]) => ({ form: formOf(form), says }));
    const text = clause(sentence);
    for (const { form, says } of known) {
      const found = form.exec(text);
      if (found !== null) return filled(says, found.groups ?? {}, tell);
    }
    return sentence;
  };
  return tell;
}

function formOf(sentence: string): RegExp {
  const parts = sentence.split(/(\{\w+\})/).map((part) => {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    return name === undefined ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : `(?<${name}>.+?)`;
  });
  return new RegExp(`^${parts.join('')}$`, 's');
}

function filled(says: string, values: Readonly<Record<string, string>>, tell: Tell): string {
  return says.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? '';
    if (name.startsWith('why')) return tell(value);
    return name.startsWith('all') ? severalInSpanish(value) : value;
  });
}

/** `a, b and 2 more`. */
const severalInSpanish = (text: string): string =>
  text.replace(/ and (?:(\d+) more)?/, (_, more?: string) => (more === undefined ? ' y ' : ` y ${more} más`));

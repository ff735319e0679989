/** What the console says, in the language of whoever sits before it. */
import { Failure } from '../../../domain/errors.ts';
import { quoted } from '../../../domain/quoted.ts';
import { en } from './en.ts';
import { es } from './es.ts';

export type StringKey = keyof typeof en;
export type Values = Readonly<Record<string, string | number>>;
export type Catalogue = Readonly<Record<StringKey, string>>;
export type Say = (key: StringKey, values?: Values) => string;

export const catalogues = { en, es } as const;
export type Language = keyof typeof catalogues;

const isLanguage = (text: string): text is Language => Object.hasOwn(catalogues, text);

export function sayIn(catalogue: Catalogue): Say {
  return (key, values = {}) =>
    catalogue[key].replace(/\{(\w+)\}/g, (whole, name: string) => `${values[name] ?? whole}`);
}

/** @param asked of `--lang`; absent: of the environment, as locale(7) orders it. @throws Failure `invalid` */
export function chooseLanguage(asked: string | undefined, env: Readonly<Record<string, string | undefined>>): Language {
  if (asked !== undefined) {
    if (isLanguage(asked)) return asked;
    throw new Failure('invalid', `${quoted(asked)} is not a language of the console: there are en and es`);
  }
  const [language = ''] = localeOf(env).split(/[_.@]/);
  return isLanguage(language) ? language : 'en';
}

/** Whether characters beyond ASCII may be written. */
export const writesUnicode = (env: Readonly<Record<string, string | undefined>>): boolean =>
  /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '');

const localeOf = (env: Readonly<Record<string, string | undefined>>): string =>
  env.LC_ALL || env.LC_MESSAGES || env.LANG || '';

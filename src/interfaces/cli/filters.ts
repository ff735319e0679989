/** `--filter KEY=VALUE`: as docker's, those that agree with one value of each key that is named. */
import { Option } from 'commander';
import { quoted } from '../../domain/quoted.ts';
import { each, UsageError } from './usage.ts';
import { pair } from './values.ts';

/** What an item has under each key that can be asked for. */
export type Keys<T> = Readonly<Record<string, (item: T) => string | readonly string[]>>;

export interface Filtered {
  readonly filter?: readonly (readonly [key: string, value: string])[];
}

export function filterOption<T>(keys: Keys<T>): Option {
  const [first = ''] = Object.keys(keys);
  const what = `only those that agree: ${Object.keys(keys).join(', ')}; not: ${first}!=VALUE`;
  return new Option('--filter <KEY=VALUE>', what).argParser(
    each((text) => {
      const asked = pair(text.replace('!=', '='));
      const [key, value] = text.includes('!=') ? [`${asked[0]}!`, asked[1]] : asked;
      if (!Object.hasOwn(keys, key.replace(/!$/, ''))) {
        throw new UsageError(`${quoted(asked[0])} cannot be filtered by: there are ${Object.keys(keys).join(', ')}`);
      }
      return [key, value] as const;
    }),
  );
}

/** Whether the item agrees. A name need only contain what is asked for. */
export function agrees<T>(item: T, { filter = [] }: Filtered, keys: Keys<T>): boolean {
  const has = (key: string, value: string): boolean => {
    const own = [keys[key]?.(item) ?? []].flat();
    return own.some((each) => (key === 'name' ? each.includes(value) : each === value));
  };
  return [...Map.groupBy(filter, ([key]) => key)].every(([key, wishes]) => {
    const not = key.endsWith('!');
    const found = wishes.some(([, value]) => has(key.replace(/!$/, ''), value));
    return not ? !found : found;
  });
}

export const asksFor = ({ filter = [] }: Filtered, key: string): boolean =>
  filter.some(([asked]) => asked === key || asked === `${key}!`);

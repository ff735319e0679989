/** Options of drivers: `--opt KEY=VALUE`, or Docker's `-o`. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { Driver } from './records.ts';

/** By driver. An option that nothing reads would be a promise that nobody keeps. */
const known: Readonly<Record<Driver, readonly string[]>> = { overlay: [], bridge: [] };

/** @throws Failure `invalid` that lists those there are */
export function checkNetworkOptions(driver: Driver, options: Readonly<Record<string, string>>): void {
  const wrong = Object.keys(options).find((option) => !known[driver].includes(option));
  if (wrong === undefined) return;
  const there = known[driver].length === 0 ? 'it has none' : `there are ${known[driver].join(', ')}`;
  throw new Failure('invalid', `${quoted(wrong)} is not an option of driver ${driver}: ${there}`);
}

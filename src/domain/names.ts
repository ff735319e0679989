/** Names that people give, and the rule for each. Names of kernel objects: `interfaces.ts`. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';

/** RFC 1123 label, in lower case only: the name is also the host's part of DNS names. */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Docker's rule, which asks for two characters; our limit is DNS's. */
const containerName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}$/;

/** Words that Docker takes for something else after `--network`. */
const dockersOwn: readonly string[] = ['host', 'none', 'default', 'ingress', 'nat'];

/** There without being created, and what Docker calls it. */
const builtIn: readonly string[] = ['bridge', 'trama-bridge'];

/** @throws Failure `invalid` */
export function checkNodeName(name: string): string {
  if (label.test(name)) return name;
  throw new Failure('invalid', `${quoted(name)} cannot be a node's name: ${labelRule}`);
}

/** The name of a network that there may be, the built-in one among them. @throws Failure `invalid` */
export function checkNetworkName(name: string): string {
  if (!label.test(name)) throw new Failure('invalid', `${quoted(name)} cannot be a network's name: ${labelRule}`);
  if (dockersOwn.includes(name)) {
    throw new Failure('invalid', `${quoted(name)} cannot be a network's name: Docker means a network of its own by it`);
  }
  return name;
}

/** The name of a network to be made. @throws Failure `invalid` */
export function checkNewNetworkName(name: string): string {
  if (!builtIn.includes(checkNetworkName(name))) return name;
  throw new Failure(
    'invalid',
    `${quoted(name)} is reserved for the built-in network, which is there when a container uses it: choose another name`,
  );
}

/** The one label of Trama's own that users' programs set: the name of the file that a container is applied from. */
export const appliedLabel = 'trama.applied';

/** @throws Failure `invalid` */
export function checkContainerName(name: string): string {
  // Dots make DNS labels of it: none may be empty.
  if (containerName.test(name) && !name.includes('..') && !name.endsWith('.')) return name;
  throw new Failure('invalid', `${quoted(name)} cannot be a container's name: ${containerRule}`);
}

/** A name that a container is also found by; same rule as its name, but one character is enough. @throws Failure `invalid` */
export function checkAlias(name: string): string {
  if (/^[a-zA-Z0-9]$/.test(name)) return name;
  if (containerName.test(name) && !name.includes('..') && !name.endsWith('.')) return name;
  throw new Failure('invalid', `${quoted(name)} cannot be an alias: ${containerRule}`);
}

const labelRule = 'use 1 to 63 lower-case letters, digits and "-", beginning and ending with a letter or digit';
const containerRule =
  'use 2 to 63 letters, digits, "_", "." and "-", beginning with a letter or digit, without ".." or a "." at the end';

const adjectives =
  'amber blue brave brisk calm clear clever crisp eager early fair fine fond glad gold green happy keen kind light lively lucky merry neat noble proud quick quiet rapid ready sharp silver smart solid spry steady still sunny swift tidy vivid warm wise witty';
const nouns =
  'baran cerf clark cohen comer crocker davies deering diffie estrin floyd hamming hellman hopper jacobson kahn karels katz kleinrock lamport lamarr lovelace metcalfe mockapetris mogul nyquist pelkey perlman postel pouzin radia reynolds rexford roberts shannon stevens tomlinson turing wozniak zimmermann';
const words = (text: string) => text.split(' ');

/** A name for a container that got none, like `calm_perlman`. @param random 0 ≤ random < 1; about 1800 names. */
export function inventContainerName(random: number): string {
  const first = words(adjectives);
  const second = words(nouns);
  const pick = Math.floor(random * first.length * second.length);
  return `${first[pick % first.length]}_${second[Math.floor(pick / first.length)]}`;
}

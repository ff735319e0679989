/** People who control the cluster from elsewhere: what each may do, and rules for their names. */
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import { formatSecretText, parseSecretText, type SecretText } from './secret-text.ts';

/** Each may all that those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** What the store keeps of a user; the secret half of the key is the user's alone. */
export interface UserRecord {
  readonly name: string;
  /** CURVE public key, Z85. */
  readonly key: string;
  readonly role: Role;
  /** Ids of the networks that the user is limited to: at least one. Absent: all, and what is on none. */
  readonly networks?: readonly string[];
  readonly createdAt: number;
  /** Milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
}

/** Whether who has a role may do what takes another. */
export const reaches = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least);

/** `tramauser1.…`: the server's public key and what the user's own key pair follows from. */
export const formatUserKey = (key: SecretText): string => formatSecretText('user', key);

/** @throws Failure `invalid` that says what is wrong with the text, without the text. */
export const parseUserKey = (text: string): SecretText => parseSecretText('user', text);

/** @throws Failure `invalid` */
export function checkRole(text: string): Role {
  const role = roles.find((one) => one === text);
  if (role !== undefined) return role;
  throw new Failure('invalid', `${quoted(text)} is not a role: there are ${[...roles].reverse().join(', ')}`);
}

/** @throws Failure `invalid` */
export function checkUserName(name: string): string {
  return checked(name, "a user's name");
}

/** What stands for this host among the contexts. */
export const localContext = 'local';

/** @throws Failure `invalid` */
export function checkContextName(name: string): string {
  return checked(name, "a context's name");
}

function checked(name: string, what: string): string {
  if (/^[a-zA-Z0-9]([a-zA-Z0-9_.@-]{0,61}[a-zA-Z0-9])?$/.test(name)) return name;
  const rule = 'use 1 to 63 letters, digits, "_", ".", "@" and "-", beginning and ending with a letter or digit';
  throw new Failure('invalid', `${quoted(name)} cannot be ${what}: ${rule}`);
}

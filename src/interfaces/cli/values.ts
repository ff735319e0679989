/** Rules for words that only the command line has; the rest is in `domain`. Each throws Failure `invalid`. */
import { Failure } from '../../domain/errors.ts';
import { checkMtu, checkVni, parseNetworkSubnet } from '../../domain/network-rules.ts';
import { quoted } from '../../domain/quoted.ts';
import { checkEnv, parseDuration, parsePort } from '../../domain/run-options.ts';
import { formatSubnet } from '../../domain/subnet.ts';

export function whole(what: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new Failure('invalid', `${quoted(text)} is not ${what}: it is a number from ${least} to ${most}`);
  };
}

/** @returns undefined for none */
export function portOrNone(text: string): number | undefined {
  return text === 'none' || text === '0' ? undefined : parsePort(text);
}

export function oneOf<T extends string>(what: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new Failure('invalid', `${quoted(text)} is not ${what}: there are ${words.join(' and ')}`);
  };
}

export const subnet = (text: string): string => formatSubnet(parseNetworkSubnet(text));

// Non-numbers fail the rules' own test, and are shown as they were typed.
export const vni = (text: string): number => checkVni(whole('a VNI', 1, 2 ** 24 - 1)(text));
export const mtu = (text: string): number => checkMtu(whole('an MTU', 1, 65535)(text));

/** `K=V` as a pair. */
export function pair(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && /^[\w./-]+$/.test(text.slice(0, at))) return [text.slice(0, at), text.slice(at + 1)];
  throw new Failure('invalid', `${quoted(text)} is not a key and its value: write it like key=value`);
}

/** `K=V`, or `K` alone, which takes its value from our environment as docker's does. @returns undefined when it is not set there. */
export function environment(env: Readonly<Record<string, string | undefined>>, text: string): string | undefined {
  if (text.includes('=') || !/^[^\s\0]+$/.test(text)) return checkEnv(text);
  const value = env[text];
  return value === undefined ? undefined : checkEnv(`${text}=${value}`);
}

/** RFC 1123, 63 characters: the kernel's limit is 64. */
export function hostname(text: string): string {
  if (
    text.length <= 63 &&
    /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/.test(text)
  ) {
    return text;
  }
  throw new Failure('invalid', `${quoted(text)} cannot be a host name: use up to 63 letters, digits, "-" and "."`);
}

/** A user of a container, as docker takes it: NAME or UID, and perhaps a group. */
export function user(text: string): string {
  if (/^[a-zA-Z0-9_][\w.-]{0,63}(:[a-zA-Z0-9_][\w.-]{0,63})?$/.test(text)) return text;
  throw new Failure('invalid', `${quoted(text)} is not a user: write it like nobody, 1000 or 1000:1000`);
}

/** A path in a container. */
export function absolutePath(what: string): (text: string) => string {
  return (text) => {
    if (text.startsWith('/') && text.length <= 4096 && !text.includes('\0')) return text;
    throw new Failure('invalid', `${quoted(text)} is not ${what}: it begins with /`);
  };
}

/** A time as people say it: how long ago (`10m`), as RFC 3339 (`2026-01-31T10:00:00Z`; without a zone ours), or as seconds of Unix. */
export function moment(now: number, text: string): number {
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text))) return Date.parse(text);
  if (/^\d{9,11}(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
  if (/^\d+[a-z]$/.test(text)) return now - parseDuration(text);
  throw new Failure('invalid', `${quoted(text)} is not a time: write it like 10m, 2026-01-31T10:00:00Z or 1769853600`);
}

/** A path of the file system. */
export function directory(text: string): string {
  if (text !== '' && text.length <= 4096 && !text.includes('\0')) return text;
  throw new Failure('invalid', `${quoted(text)} is not a path`);
}

/** What people write after `trama run`: images, environment, ports, durations. */
import { canonicalAddress } from './address.ts';
import { Failure } from './errors.ts';
import { quoted } from './quoted.ts';
import type { PublishedPort, RestartPolicy } from './records.ts';

/** `K=V`; V may be empty. @throws Failure `invalid` */
export function checkEnv(text: string): string {
  const name = text.slice(0, Math.max(text.indexOf('='), 0));
  if (/^[^\s\0]+$/.test(name) && !text.includes('\0')) return text;
  throw new Failure('invalid', `${quoted(text)} is not an environment variable: write it like NAME=value`);
}

/** `[IP:]HOST:CONTAINER[/tcp|/udp]`. @throws Failure `invalid` */
export function parsePublishedPort(text: string): PublishedPort {
  const [, address, host, container, protocol] = /^(?:(.+):)?([^:/]*):([^:/]*)(?:\/(.*))?$/.exec(text) ?? [];
  if (host === undefined || container === undefined) {
    throw new Failure(
      'invalid',
      `${quoted(text)} does not publish a port: write it like 8080:80, 8080:80/udp or 10.0.0.1:8080:80`,
    );
  }
  if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp') {
    throw new Failure('invalid', `${quoted(text)} has protocol ${quoted(protocol)}: it is tcp or udp`);
  }
  return {
    ...(address === undefined ? {} : { hostAddress: canonicalAddress(address.replace(/^\[(.*:.*)\]$/, '$1')) }),
    hostPort: parsePort(host),
    containerPort: parsePort(container),
    protocol: protocol ?? 'tcp',
  };
}

/** @throws Failure `invalid` */
export function parsePort(text: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new Failure('invalid', `${quoted(text)} is not a port: it is a number from 1 to 65535`);
}

/** @throws Failure `invalid` */
export function checkRestartPolicy(text: string): RestartPolicy {
  if (text === 'no' || text === 'always' || text === 'unless-stopped' || text === 'on-failure') return text;
  throw new Failure(
    'invalid',
    `${quoted(text)} is not a restart policy: there are no, always, unless-stopped and on-failure`,
  );
}

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `90s`, `30m`, `1h`, `2d`, and sums like `1h30m`. @returns milliseconds, at least 1. @throws Failure `invalid` */
export function parseDuration(text: string): number {
  if (/^(?:[0-9]{1,9}(?:ms|s|m|h|d))+$/.test(text)) {
    const parts = [...text.matchAll(/([0-9]+)(ms|s|m|h|d)/g)];
    const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit as keyof typeof unitMs], 0);
    if (total > 0 && total <= 36_500 * unitMs.d) return total;
  }
  throw new Failure('invalid', `${quoted(text)} is not a duration: write it like 90s, 30m, 1h or 2d, up to 100 years`);
}

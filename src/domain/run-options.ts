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

const howToPublish = 'write it like 8080:80, 8080:80/udp, 8000-8010:80-90, 10.0.0.1:8080:80, or 80 for any free port';

/**
 * `[IP:][HOST:]CONTAINER[/tcp|/udp]`, where HOST and CONTAINER may be ranges of one length: as many ports. A range for one
 * port of the container is any free one of it. @throws Failure `invalid`
 */
export function parsePublishedPorts(text: string): PublishedPort[] {
  const [, address, host, container = '', protocol = 'tcp'] =
    /^(?:(?:(\[[^\]]*\]|[^:/]*):)?([^:/]*):)?([^:/]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (container === '' || address === '') {
    throw new Failure('invalid', `${quoted(text)} does not publish a port: ${howToPublish}`);
  }
  if (protocol !== 'tcp' && protocol !== 'udp') {
    throw new Failure('invalid', `${quoted(text)} has protocol ${quoted(protocol)}: it is tcp or udp`);
  }
  const to = parsePortRange(container);
  const common: Pick<PublishedPort, 'hostAddress' | 'protocol'> = {
    ...publishedAddress(address?.replace(/^\[(.*)\]$/, '$1')),
    protocol,
  };
  if (host === undefined || host === '') return to.map((containerPort) => ({ ...common, hostPort: 0, containerPort }));
  const from = parsePortRange(host);
  const [first = 0, last = first] = [from[0], from.at(-1)];
  const [only = 0] = to;
  if (to.length === 1 && last > first) {
    return [{ ...common, hostPort: first, hostPortEnd: last, containerPort: only }];
  }
  if (from.length !== to.length) {
    const lengths = `${from.length} host ${from.length === 1 ? 'port' : 'ports'} for ${to.length} of the container`;
    throw new Failure('invalid', `${quoted(text)} has ${lengths}: give ranges of one length`);
  }
  return to.map((containerPort, index) => ({ ...common, hostPort: first + index, containerPort }));
}

/** @throws Failure `invalid` */
function parsePortRange(text: string): number[] {
  const [first = '', last = first, ...more] = text.split('-');
  const from = parsePort(first);
  const to = parsePort(last);
  if (more.length > 0 || to < from) {
    throw new Failure('invalid', `${quoted(text)} is not a range of ports: write it like 8000-8010`);
  }
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Of the host; 0.0.0.0 is all of them. @throws Failure `invalid` */
function publishedAddress(text: string | undefined): Pick<PublishedPort, 'hostAddress'> {
  if (text === undefined || text === '') return {};
  const address = canonicalAddress(text);
  if (address.includes(':')) {
    throw new Failure('invalid', `${address} is IPv6, which networks cannot have yet: publish at an IPv4 address`);
  }
  return address === '0.0.0.0' ? {} : { hostAddress: address };
}

/**
 * Ports as somebody sent them. Whether they are free is known to the node only; that they clash with each other is not
 * left to it. @throws Failure `invalid`
 */
export function checkPublishedPorts(ports: readonly PublishedPort[]): PublishedPort[] {
  const taken = new Map<string, PublishedPort[]>();
  return ports.map((port) => {
    const { hostAddress, hostPort, hostPortEnd, containerPort, protocol } = port;
    parsePort(String(containerPort));
    if (hostPort !== 0) parsePort(String(hostPort));
    if (hostPortEnd !== undefined && parsePort(String(hostPortEnd)) < hostPort) {
      throw new Failure('invalid', `${hostPort}-${hostPortEnd} is not a range of ports: write it like 8000-8010`);
    }
    const checked = { ...port, ...publishedAddress(hostAddress) };
    if (hostPort === 0 || hostPortEnd !== undefined) return checked;
    const others = taken.get(`${hostPort}/${protocol}`) ?? [];
    if (others.some((other) => sameAddress(other, checked))) {
      throw new Failure('invalid', `host port ${hostPort}/${protocol} is published twice: publish it once`);
    }
    taken.set(`${hostPort}/${protocol}`, [...others, checked]);
    return checked;
  });
}

/** Whether one address is the other's, or one of all. */
function sameAddress(a: PublishedPort, b: PublishedPort): boolean {
  return a.hostAddress === undefined || b.hostAddress === undefined || a.hostAddress === b.hostAddress;
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

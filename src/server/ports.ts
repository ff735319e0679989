/** Published ports as people read them. Pure. */
import type { EndpointRecord, PublishedPort } from '../domain/domain.ts';

/** What nodes really publish of a container, each once: it may be on several networks. */
export function portsOf(endpoints: readonly Pick<EndpointRecord, 'ports'>[]): string[] {
  return [...new Set(endpoints.flatMap(({ ports }) => (ports ?? []).map(portText)))];
}

/**
 * As docker writes it: `8080->80/tcp`, `10.0.0.1:8080->80/tcp`. Until its node has chosen: `any->80/tcp`,
 * `8000-8010->80/tcp`.
 */
export function portText({ hostAddress, hostPort, hostPortEnd, containerPort, protocol }: PublishedPort): string {
  const host = hostAddress === undefined ? '' : `${hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress}:`;
  const port = hostPortEnd === undefined ? `${hostPort === 0 ? 'any' : hostPort}` : `${hostPort}-${hostPortEnd}`;
  return `${host}${port}->${containerPort}/${protocol}`;
}

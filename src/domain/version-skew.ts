/** How far apart two Tramas may be that work together: one release (docs/adr/0014-versions.md). */

/** `0.3.1` is of release 0.3: within a release nothing but defects changes. */
const release = /^(\d+)\.(\d+)\./;

/** @returns a sentence when the two are more than a release apart; empty when they are not, or it cannot be told */
export function versionSkew(node: string, server: string): string {
  const [, nodeMajor, nodeMinor] = release.exec(node) ?? [];
  const [, major, minor] = release.exec(server) ?? [];
  if (nodeMajor === undefined || major === undefined) return '';
  const ahead = releasesBetween([Number(major), Number(minor)], [Number(nodeMajor), Number(nodeMinor)]);
  if (Math.abs(ahead) <= 1) return '';
  const what = `more than a release ${ahead > 0 ? 'newer' : 'older'} than the server's ${server}`;
  return `${what}: upgrade ${ahead > 0 ? 'the servers' : 'Trama on this host'}`;
}

/** After the last release of a major number comes the next one's `.0`; which was the last is not known here. */
function releasesBetween([major, minor]: [number, number], [otherMajor, otherMinor]: [number, number]): number {
  if (major === otherMajor) return otherMinor - minor;
  const neighbours = Math.abs(otherMajor - major) === 1 && (otherMajor > major ? otherMinor : minor) === 0;
  return Math.sign(otherMajor - major) * (neighbours ? 1 : 2);
}

/**
 * Versions of the protocol, as two sides agree on one (docs/adr/0014-versions.md). What only adds (a field, a method, a kind of
 * item) is no new version; a new one is what the other side has to know of.
 */

export interface VersionRange {
  readonly lowest: number;
  readonly highest: number;
}

/** What this Trama speaks. */
export const spokenVersions: VersionRange = { lowest: 1, highest: 1 };

/** The highest that both speak. */
export function commonVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const highest = Math.min(ours.highest, theirs.highest);
  return highest >= Math.max(ours.lowest, theirs.lowest) ? highest : undefined;
}

/** Why there is none, for whoever reads it on the client's host: which of the two is to be upgraded. */
export function noCommonVersion(server: VersionRange, client: VersionRange): string {
  const behind = client.highest < server.lowest;
  const what = `the server speaks ${named(server)} of Trama's protocol, this host ${named(client)}`;
  return behind
    ? `Trama on this host is too old for the server: ${what}. Upgrade Trama on this host.`
    : `The server's Trama is too old for this host: ${what}. Upgrade Trama on the servers first.`;
}

const named = ({ lowest, highest }: VersionRange): string =>
  lowest === highest ? `version ${lowest}` : `versions ${lowest} to ${highest}`;

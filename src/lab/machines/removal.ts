/** How machines are removed, as lines of shell. */
import { cgroupOf, disksDirectory, disksOf } from './names.ts';

/** What is done and what for, and how: lines of shell. */
export interface Told {
  readonly sentence: string;
  readonly commands: readonly string[];
}

/** Before namespaces go, which live on without a name while anything runs in them. With a host's first process everything on it ends. */
export const endingTold = (namespaces: readonly string[]): Told => ({
  sentence: 'End whatever runs in the nodes.',
  commands: namespaces.map((ns) => `ip netns pids ${ns} | xargs -r kill -9 || :`),
});

/** What `down` does beyond namespaces, after everything in them has ended. */
export function removalTold(lab: string): Told[] {
  // Not `${group}*`: that would be of another lab too, whose name begins with this one's.
  const group = `*${cgroupOf(lab)}`;
  const groups = `find /sys/fs/cgroup -depth -type d '(' -path '${group}' -o -path '${group}/*' ')' -exec rmdir {} +`;
  return [
    {
      sentence: "Remove the control groups of the hosts' containers.",
      commands: [
        // A group stays busy for a moment after its last process; what stays so is told by the last try.
        `for try in $(seq 100); do ${groups} 2>/dev/null && break; sleep 0.1; done`,
        groups,
      ],
    },
    {
      sentence: "Remove the hosts' disks and logs.",
      commands: [`rm -rf --one-file-system ${disksOf(lab)}`, `rmdir ${disksDirectory} 2>/dev/null || :`],
    },
  ];
}

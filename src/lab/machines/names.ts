/** Of the hosts of a lab that are machines: names on this machine, by which what belongs to them is found. */

/** Disks and logs of a lab's hosts: Docker's layers can lie there, as they cannot in /run. */
export const disksOf = (lab: string): string => `/var/tmp/trama-labs/${lab}`;

/** Parent of the hosts' control groups, in every hierarchy. */
export const cgroupOf = (lab: string): string => `/trama-labs-${lab}`;

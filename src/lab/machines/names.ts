/** Of the hosts of a lab that are machines: names on this machine, by which what belongs to them is found. */

/** Of all labs. Docker's layers can lie there, as they cannot in /run. */
export const disksDirectory = '/var/tmp/trama-labs';

/** Disks and logs of a lab's hosts. */
export const disksOf = (lab: string): string => `${disksDirectory}/${lab}`;

/** Parent of the hosts' control groups, in every hierarchy. */
export const cgroupOf = (lab: string): string => `/trama-labs-${lab}`;

/** Names of a lab's namespaces, by which what belongs to it is told from everything else. */

/** Begins the name of every namespace of a lab of bare namespaces. */
const namespacePrefix = 'trama.';

/** Neither name holds a dot, so each namespace tells whose it is. */
export const namespaceOf = (lab: string, node: string): string => `${namespacePrefix}${lab}.${node}`;

/** A workload that joins other containers, with these named as the engine does. */
import { joinedBy, type NetworkMode, type PidMode, type WorkloadSpec } from '../domain/domain.ts';

/**
 * Asked anew for every container that is made: the one that has the name now is meant.
 * @param idOf the engine's id of a container on this node
 */
export async function resolveJoined(
  spec: WorkloadSpec,
  idOf: (container: string) => Promise<string>,
): Promise<WorkloadSpec> {
  const ids = new Map<string, string>();
  for (const name of joinedBy(spec)) ids.set(name, await idOf(name));
  if (ids.size === 0) return spec;
  const resolved = <M extends NetworkMode | PidMode>(mode: M) =>
    typeof mode === 'object' ? { container: ids.get(mode.container) ?? mode.container } : mode;
  return {
    ...spec,
    ...(spec.networkMode === undefined ? {} : { networkMode: resolved(spec.networkMode) }),
    ...(spec.pid === undefined ? {} : { pid: resolved(spec.pid) }),
  };
}

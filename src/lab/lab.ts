/** The door of `lab`: simulated hosts on one machine, each with its own network, processes, disk and Docker Engine. */

export { type ClusterOptions, eventually, type LabCluster, startCluster, untilReady, untilThere } from './cluster.ts';
export { createLab, type HostOptions, type Lab, type LabOptions } from './create-lab.ts';
export type { EngineOptions } from './engine.ts';
export type { LabHost, PingResult } from './host.ts';
export type { Argv, RunOptions, Started } from './host-processes.ts';
export { labImage } from './image.ts';
export {
  containerSource,
  hostSource,
  type Place,
  probe,
  type Reachability,
  reachabilityTable,
  type Source,
} from './reachability.ts';
export { reapDeadLabs } from './reaper.ts';

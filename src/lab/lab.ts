/** The door of `lab`: simulated hosts on one machine, each with its own network, processes, disk and Docker Engine. */

export { type ClusterOptions, type LabCluster, startCluster, untilReady } from './cluster.ts';
export { createLab, type HostOptions, type Lab, type LabOptions } from './create-lab.ts';
export { eventually, untilThere } from './daemons.ts';
export type { EngineOptions } from './engine.ts';
export { LabEtcd } from './etcd.ts';
export type { LabHost } from './host.ts';
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
export type { PingResult } from './simulated-host.ts';

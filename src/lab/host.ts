import { Failure } from '../domain/domain.ts';
import type { Spawn } from '../platform/platform.ts';
import { cgroupOf, directoryOf, labelOf, namespaceOf } from './session.ts';
import type { HostSetup } from './simulated-host.ts';
import { SimulatedHost } from './simulated-host.ts';
import { type Cable, type Cut, macsSeen, plugIn, setCable, setCuts, setLoss, unplug } from './underlay.ts';

/** A host that is cabled to the lab's underlay, and dies with the process that has made the lab. */
export class LabHost extends SimulatedHost {
  readonly #cable: Cable;
  readonly #spawn: Spawn;
  #connected = true;
  readonly #cuts: Cut[] = [];

  constructor({ cable, ...setup }: Omit<HostSetup, 'name' | 'address' | 'place'> & { readonly cable: Cable }) {
    const { name, address, session } = cable;
    super({
      ...{ ...setup, name, address },
      place: {
        namespace: namespaceOf(session, name),
        disk: `${directoryOf(session)}/${name}`,
        cgroup: `${cgroupOf(session)}/${name}`,
        env: labelOf(session),
        outlives: false,
      },
    });
    this.#cable = cable;
    this.#spawn = setup.run;
  }

  override async boot(options: { readonly docker?: boolean } = {}): Promise<void> {
    if (this.running) throw new Failure('conflict', `Host ${this.name} is running already.`);
    await plugIn(this.#cable, this.#spawn);
    if (!this.#connected) await this.cutLink();
    await super.boot(options);
  }

  override async pullPlug(): Promise<void> {
    if (!this.running) return;
    await super.pullPlug();
    await unplug(this.#cable, this.#spawn);
  }

  /** Pulls the cable: eth0 loses its carrier. Stays so over a power cut, until `healLink`. */
  async cutLink(): Promise<void> {
    this.#connected = false;
    await setCable(this.#cable, 'down', this.#spawn);
  }

  async healLink(): Promise<void> {
    this.#connected = true;
    await setCable(this.#cable, 'up', this.#spawn);
  }

  /** Loses `percent` of the frames in each direction, unseen by the host; 100 is a silent cut, 0 heals. */
  loss(percent: number): Promise<void> {
    return setLoss(this.#cable, percent, this.#spawn);
  }

  /**
   * Cuts a path in one direction, unseen by the host: what others send to it (`in`) or what it sends to others (`out`) is lost; with a
   * peer, only what the two send so. Further cuts add to it; stays so over a power cut, until `healPaths`.
   */
  async cutPath(direction: 'in' | 'out', peer?: LabHost): Promise<void> {
    this.#cuts.push({ direction, ...(peer === undefined ? {} : { peer: peer.name }) });
    await setCuts(this.#cable, this.#cuts, this.#spawn);
  }

  async healPaths(): Promise<void> {
    this.#cuts.length = 0;
    await setCuts(this.#cable, this.#cuts, this.#spawn);
  }

  /** MACs that the switch has seen from this host, by its second interface if it is asked for. */
  macsSeen(second = false): Promise<string[]> {
    return macsSeen(this.#cable, second, this.#spawn);
  }
}

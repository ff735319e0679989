/** Inflicts faults, and heals them all. */
import { readFile } from 'node:fs/promises';
import { childrenOf, output, signalProcess, spawn } from '../../src/platform/platform.ts';
import { type Daemon, type Damage, type FaultAction, type HostName, hostNames, keepsContainers } from './actions.ts';
import { belongInKernel } from './belongings.ts';
import type { Scene } from './scene.ts';

const ballast = '/var/lib/trama/ballast';

export class Faults {
  readonly #scene: Scene;
  readonly #paused = new Set<string>();
  readonly #killedDockers = new Set<HostName>();
  readonly #off = new Set<HostName>();
  readonly #cut = new Map<HostName, 'cable' | 'in' | 'out'>();
  readonly #lossy = new Set<HostName>();
  readonly #full = new Set<HostName>();
  readonly #wrongClocks = new Set<HostName>();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Hosts that nobody can hear now. */
  get silent(): HostName[] {
    const pausedAgents = [...this.#paused]
      .filter((key) => key.startsWith('agent@'))
      .map((key) => key.slice(6) as HostName);
    return [...new Set([...this.#off, ...this.#cut.keys(), ...pausedAgents])];
  }

  async inflict(fault: FaultAction): Promise<void> {
    if ('host' in fault && this.#off.has(fault.host)) return;
    switch (fault.kind) {
      case 'kill':
        return this.#kill(fault.daemon, fault.host);
      case 'pause':
        return this.#pause(fault.daemon, fault.host);
      case 'restart':
        return this.#restart(fault.daemon, fault.host);
      case 'cut':
        this.#cut.set(fault.host, fault.direction);
        if (fault.direction === 'cable') return this.#scene.host(fault.host).cutLink();
        return this.#filter(fault.host, `${fault.direction === 'in' ? 'oifname' : 'iifname'} "${fault.host}" drop`);
      case 'loss':
        this.#lossy.add(fault.host);
        return this.#scene.host(fault.host).loss(30);
      case 'power-off':
        this.#off.add(fault.host);
        return this.#scene.pullPlug(fault.host);
      case 'clock':
        this.#wrongClocks.add(fault.host);
        return this.#scene.host(fault.host).writeFile('/run/clock-ahead', `${fault.hours * 3_600_000}`);
      case 'disk-full':
        this.#full.add(fault.host);
        await this.#scene.host(fault.host).run(['sh', '-c', `cat /dev/zero > ${ballast}`]);
        return;
      case 'member-loss':
        if (this.#scene.etcd.hosts.length < 3 || this.#scene.etcd.someLost) return;
        await this.#kill('etcd', fault.host);
        return this.#scene.etcd.loseData(fault.host);
      case 'compaction':
        return this.#compact();
      case 'damage':
        await this.#damage(fault.host, fault.what, fault.pick);
    }
  }

  /** Everything works again when it resolves, as far as the machines go: what is broken by then, Trama has to mend. */
  async heal(): Promise<void> {
    for (const [host, direction] of this.#cut) {
      if (direction === 'cable') await this.#scene.host(host).healLink();
      else await this.#filter(host, undefined);
    }
    this.#cut.clear();
    for (const host of this.#lossy) await this.#scene.host(host).loss(0);
    this.#lossy.clear();
    for (const key of this.#paused) await this.#signal(key, 'CONT');
    this.#paused.clear();
    const dockers = (await Promise.all(hostNames.map((host) => this.#healHost(host)))).flat();
    this.#off.clear();
    // Docker waits for its plugin, so nobody waits for Docker before.
    await this.startWhatShouldRun();
    await Promise.all(dockers.map((start) => start()));
  }

  /** As an init system would. Etcd first; a member without data only when there are others to tell of it. */
  async startWhatShouldRun(): Promise<void> {
    const down = this.#scene.stations.filter(([daemon, host]) => this.#scene.daemon(daemon, host) === undefined);
    for (const [daemon, host] of down) {
      await this.#scene.startDaemon(daemon, host).catch((error: unknown) => {
        if (daemon !== 'etcd') throw error;
      });
    }
  }

  /** @returns what remains to be waited for: engines that have been started */
  async #healHost(name: HostName): Promise<(() => Promise<void>)[]> {
    const host = this.#scene.host(name);
    const clock = this.#wrongClocks.delete(name);
    const full = this.#full.delete(name);
    if (this.#off.has(name)) {
      await this.#scene.boot(name);
      const docker = settled(host.startDocker());
      return [() => docker().then(() => belongInKernel(host))];
    }
    if (clock) await host.writeFile('/run/clock-ahead', '0');
    if (full) await host.output(['rm', '-f', ballast]);
    return this.#killedDockers.delete(name) ? [settled(host.startDocker())] : [];
  }

  async #kill(daemon: Daemon, name: HostName): Promise<void> {
    if (daemon === 'dockerd') {
      this.#killedDockers.add(name);
      return this.#scene.host(name).killDocker();
    }
    const process = this.#scene.expectEnd(daemon, name);
    process?.kill('SIGKILL');
    await process?.ended;
  }

  async #pause(daemon: Daemon, name: HostName): Promise<void> {
    const key = `${daemon}@${name}`;
    this.#paused.add(key);
    await this.#signal(key, 'STOP');
  }

  async #signal(key: string, signal: 'STOP' | 'CONT'): Promise<void> {
    const [daemon, name] = key.split('@') as [Daemon, HostName];
    if (daemon !== 'dockerd') return this.#scene.daemon(daemon, name)?.kill(`SIG${signal}`);
    if (this.#off.has(name)) return;
    await this.#scene.host(name).run(['sh', '-c', `kill -${signal} $(pidof dockerd)`]);
    if (signal === 'CONT') await this.#continueOuter(name);
  }

  /** What entered the host for dockerd stopped with it, and does not go on with it: the host could not end then. */
  async #continueOuter(name: HostName): Promise<void> {
    const entered = `nsenter\0--target\0${this.#scene.host(name).init}\0`;
    for (const pid of await childrenOf(process.pid)) {
      const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (words.startsWith(entered) && words.includes('\0dockerd\0')) signalProcess(pid, 'SIGCONT');
    }
  }

  async #restart(daemon: Daemon, name: HostName): Promise<void> {
    if (daemon === 'dockerd') {
      const options = { liveRestore: keepsContainers(name) };
      if (this.#killedDockers.has(name)) return;
      return this.#scene.host(name).restartDocker(options);
    }
    const process = this.#scene.expectEnd(daemon, name);
    process?.kill('SIGTERM');
    const patience = setTimeout(() => process?.kill('SIGKILL'), 8000);
    await process?.ended;
    clearTimeout(patience);
    await this.#scene.startDaemon(daemon, name).catch((error: unknown) => {
      if (daemon !== 'etcd') throw error;
    });
  }

  async #compact(): Promise<void> {
    const { etcd } = this.#scene;
    const status = await etcd.ctl(['get', 'x', '-w', 'json']).catch(() => undefined);
    if (status === undefined) return;
    const { header } = JSON.parse(status) as { header: { revision: number } };
    await etcd.ctl(['compaction', `${header.revision}`]).catch(() => undefined);
  }

  /** In the underlay, beside the lab's own rules: unseen by the host. */
  async #filter(name: HostName, rule: string | undefined): Promise<void> {
    const table = `bridge oneway-${name}`;
    const hook = rule?.startsWith('oifname') ? 'postrouting priority 310' : 'prerouting priority -310';
    const chain = `table ${table} {\n chain cut { type filter hook ${hook}; ${rule}; }\n}\n`;
    const input = `add table ${table}\ndelete table ${table}\n${rule === undefined ? '' : chain}`;
    const argv = ['ip', 'netns', 'exec', `tl${this.#scene.lab.session}-underlay`, 'nft', '-f', '-'] as const;
    await output(spawn, { argv: [...argv], input });
  }

  #damage(name: HostName, what: Damage, pick: number): Promise<unknown> {
    const script = `pick() { sort | awk -v n=${pick} '{ line[NR] = $0 } END { if (NR) print line[n % NR + 1] }'; }\n${damageScripts[what]}`;
    return this.#scene.host(name).run(['sh', '-c', script]);
  }
}

/** Its failure is told to whoever asks for it, later. */
function settled(work: Promise<void>): () => Promise<void> {
  work.catch(() => {});
  return () => work;
}

const links = (pattern: string) => `ip -n trama -o link | grep -o '${pattern}[0-9a-f]*' | pick`;

/** `pick` chooses one of the lines; where there is none, nothing happens. */
const damageScripts: Readonly<Record<Damage, string>> = {
  vxlan: `ip -n trama link del $(${links('trx')})`,
  bridge: `ip -n trama link del $(${links('trb')})`,
  gateway: `ip link del $(ip -o link | grep -o 'trg[0-9]*' | pick)`,
  veth: `ip -n trama link del $(${links('trv')})`,
  down: `ip -n trama link set $(ip -n trama -o link | grep -o 'tr[bxhv][0-9a-f]*' | pick) down`,
  fdb: `bridge -n trama fdb del $(bridge -n trama fdb show | grep 'dst 10' | grep -v 00:00:00:00:00:00 | awk '{ print $1, "dev", $3, "dst", $5, "self" }' | pick)`,
  neighbour: `ip -n trama neigh del $(ip -n trama neigh show nud permanent | awk '{ print $1, "dev", $3 }' | pick)`,
  flood: `bridge -n trama fdb del $(bridge -n trama fdb show | grep 00:00:00:00:00:00 | awk '{ print $1, "dev", $3, "dst", $5, "self" }' | pick)`,
  'set-element': `nft flush set inet trama $(printf 'vteps\\nvnis\\naddresses\\ngateways\\n' | pick); nsenter --net=/run/netns/trama nft flush set bridge trama ports`,
  table: `nft delete table inet trama`,
  iptables: `iptables-save -t filter | grep 'trama\\|trg+' | sed 's/^-A/-D/' | pick | xargs iptables`,
  ruleset: `nsenter --net=/run/netns/trama nft flush ruleset`,
  namespace: `ip netns delete trama`,
};

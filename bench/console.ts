/**
 * The console before a server that has 1,000 containers: how soon its first screen is whole, how soon a key is answered, how
 * large it is, and what it costs while nobody touches it. In a terminal of util-linux' script(1), whose input and output are
 * ours: nothing is polled.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createLab, eventually, type LabHost } from '../src/lab/lab.ts';
import { type Piped, startPiped, systemClock } from '../src/platform/platform.ts';
import { median } from './statistics.ts';
import type { Bench, Subject } from './subject.ts';

const containers = 1000;
const nodes = 3;
const starts = 7;
const keys = 60;
const idleSeconds = 30;
/** Of the kernel's accounting; `getconf CLK_TCK`. */
const ticksPerSecond = 100;
const size = { rows: 50, columns: 200 };
/** Nothing more is drawn for so long: what comes next is the answer to a key. Milliseconds. */
const quietMs = 60;
const patienceMs = 30_000;

const down = '\x1b[B';
const pageDown = '\x1b[6~';
/** What people do in a list: move, jump, sort. */
const typed = [down, down, pageDown, down, 'G', 'g', 'I', down, 'I', 'N'];

export const console: Subject = async (bench) => {
  const host = await fill(bench);
  // Compiled code is kept from then on, as it is for whoever has opened the console before.
  {
    await using warm = await open(host);
    await warm.shows(`/${containers}`);
  }
  const first: number[] = [];
  for (let round = 0; round < starts; round += 1) {
    bench.signal.throwIfAborted();
    await using one = await open(host);
    first.push((await one.shows(`/${containers}`)) - one.began);
  }
  bench.say('keys');
  await using one = await open(host);
  await one.shows(`/${containers}`);
  one.press('\t');
  one.press(':containers\r');
  const answers: number[] = [];
  for (let at = 0; at < keys; at += 1) answers.push(await one.answer(typed[at % typed.length] ?? down));
  bench.say(`idle for ${idleSeconds} s`);
  const pid = await one.node();
  const before = await cpuTicks(pid);
  const resident: number[] = [];
  for (let second = 0; second < idleSeconds; second += 1) {
    await systemClock.sleep(1000);
    resident.push(await residentMegabytes(pid));
  }
  const cpu = (100 * ((await cpuTicks(pid)) - before)) / ticksPerSecond / idleSeconds;
  bench.say(`with the details of a container, idle for ${idleSeconds} s`);
  one.press('i');
  await one.shows('25%  256 MiB');
  const looking = await cpuTicks(pid);
  await systemClock.sleep(idleSeconds * 1000);
  const watching = (100 * ((await cpuTicks(pid)) - looking)) / ticksPerSecond / idleSeconds;
  const late = [...answers].sort((a, b) => a - b)[Math.floor(answers.length * 0.95)] ?? 0;
  return {
    subject: 'console',
    title: `the console, with ${containers.toLocaleString('en')} containers on ${nodes} nodes, at ${size.columns}×${size.rows}`,
    figures: [
      { label: 'first screen, from the start of the process', unit: 'ms', values: first },
      { label: 'a key answered', unit: 'ms', values: answers },
      { label: 'resident', unit: 'MB', values: resident },
      { label: 'idle CPU', unit: '% of a core', values: [cpu] },
      { label: 'the same, with the details of a container', unit: '% of a core', values: [watching] },
    ],
    targets: [
      { what: 'first screen, median', relation: 'under', limit: 700, measured: median(first), unit: 'ms' },
      { what: 'a key answered, 19 of 20', relation: 'at most', limit: 50, measured: late, unit: 'ms' },
      { what: 'resident, most', relation: 'under', limit: 160, measured: Math.max(...resident), unit: 'MB' },
      { what: 'idle CPU', relation: 'under', limit: 2, measured: cpu, unit: '% of a core' },
      { what: 'idle CPU, with details', relation: 'under', limit: 2, measured: watching, unit: '% of a core' },
    ],
    notes: [
      'The first screen with every list read, the launcher and the terminal included; with compiled code kept from an earlier',
      'start. Nodes report every 10 s while it is idle, and each report is drawn. The details of a container ask what it uses every 2 s.',
    ],
  };
};

/** A host with a server over the store in memory, and what `console-load.ts` puts there. */
async function fill({ resources, say }: Bench): Promise<LabHost> {
  const lab = resources.use(await createLab());
  const host = await lab.host('h1', { docker: false });
  await host.startServer(['--store', 'memory', '--listen', '127.0.0.1']);
  await eventually('the server', async () => (await host.run(['test', '-S', '/run/trama/server.sock'])).code === 0);
  const load = [process.execPath, '--disable-warning=ExperimentalWarning', `${import.meta.dirname}/console-load.ts`];
  const filling = await host.start([load[0] ?? 'node', ...load.slice(1), `${nodes}`, `${containers}`], {
    name: 'load',
  });
  await eventually('the containers', async () => (await filling.output()).includes('filled'), 120_000);
  say(`${containers} containers on ${nodes} nodes that only speak`);
  return host;
}

class Opened implements AsyncDisposable {
  /** Milliseconds, as `performance.now()`. */
  readonly began = performance.now();
  readonly #terminal: Piped;
  #drawn = '';
  #drawnAt = 0;
  #wake: () => void = () => {};

  constructor(terminal: Piped) {
    this.#terminal = terminal;
    terminal.stdout.on('data', (data: Buffer) => {
      this.#drawn += data.toString();
      this.#drawnAt = performance.now();
      this.#wake();
    });
  }

  /** @returns when it was drawn */
  async shows(text: string): Promise<number> {
    const end = performance.now() + patienceMs;
    while (!this.#drawn.includes(text)) {
      if (performance.now() > end) throw new Error(`the console did not show ${text}; it drew:\n${this.#drawn}`);
      await this.#next(end);
    }
    return this.#drawnAt;
  }

  press(key: string): void {
    this.#terminal.stdin.write(key);
  }

  /** @returns milliseconds until something was drawn for it */
  async answer(key: string): Promise<number> {
    while (performance.now() - this.#drawnAt < quietMs) await systemClock.sleep(quietMs);
    const pressed = performance.now();
    this.press(key);
    await this.#next(pressed + patienceMs);
    return this.#drawnAt - pressed;
  }

  /** The process of Node.js beneath the terminal, the shells and the launcher. */
  async node(): Promise<number> {
    for (let pid = this.#terminal.pid; ; ) {
      if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('src/main/trama.ts')) return pid;
      const [child] = await childrenOf(pid);
      if (child === undefined) throw new Error('there is no console under the terminal');
      pid = child;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.press('q');
    await Promise.race([this.#terminal.ended, systemClock.sleep(5000)]);
    this.#terminal.kill('SIGKILL');
  }

  async #next(end: number): Promise<void> {
    const limit = new AbortController();
    const late = systemClock.sleep(Math.max(1, end - performance.now()), limit.signal).catch(() => {});
    const drawn = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([drawn, late]);
    limit.abort();
  }
}

async function open(host: LabHost): Promise<Opened> {
  const entering = ['nsenter', '--target', `${host.init}`, '--mount', '--net', '--uts', '--pid', '--'] as const;
  const program = `${process.cwd()}/bin/trama console --lang en`;
  const command = `stty rows ${size.rows} cols ${size.columns}; exec ${program}`;
  return new Opened(
    startPiped([...entering, 'script', '--quiet', '--flush', '--command', command, '/dev/null'], {
      LANG: 'en_US.UTF-8',
      TERM: 'xterm-256color',
    }),
  );
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')));
  return lists.flatMap((list) => list.split(' ').filter(Boolean)).map(Number);
}

/** Fields 14 and 15 of proc_pid_stat(5). */
async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

async function residentMegabytes(pid: number): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error('the console is not running any more');
  return (Number(kibibytes) * 1024) / 1e6;
}

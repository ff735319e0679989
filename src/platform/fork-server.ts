/**
 * Runs commands from small shells beside a daemon. To fork is to copy page tables: 2 to 3 ms of a core for a Node.js process of
 * 90 MB, during which it does nothing else, and a tenth of that for a shell of 2 MB. A command that a shell cannot be told
 * exactly, or for which none is free soon, is spawned as ever.
 */
import { type ChildProcess, spawn as nodeSpawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { type Command, CommandFailed, type Finished, outputLimit, type Spawn, spawn } from './spawn.ts';

/** Disposing of it ends the shells; what runs in them is killed. */
export interface ForkServer extends AsyncDisposable {
  readonly spawn: Spawn;
}

/** Shells at most. More commands at once would only wait for one another. */
const mostShells = 4;
/** A command waits as long as this for a shell that is busy. */
const patienceMs = 20;
/** Characters. Some shells read what they are told byte by byte. */
const scriptLimit = 16 * 1024;

export function createForkServer(direct: Spawn = spawn): ForkServer {
  return new Shells(direct);
}

class Shells implements ForkServer {
  readonly #direct: Spawn;
  readonly #all = new Set<Shell>();
  readonly #idle: Shell[] = [];
  readonly #waiting = new Set<(shell: Shell | undefined) => void>();
  readonly #paths = new Map<string, string>();
  #ended = false;

  constructor(direct: Spawn) {
    this.#direct = direct;
  }

  readonly spawn: Spawn = async (command) => {
    const script = scriptOf(command, (name) => this.#find(name));
    const shell = script === undefined ? undefined : await this.#take();
    if (script === undefined || shell === undefined) return await this.#direct(command);
    const finished = await shell.run(command, script).finally(() => this.#put(shell));
    if (finished !== 'not started') return finished;
    this.#paths.clear();
    return await this.#direct(command);
  };

  /** @returns undefined when there is none, and no use in waiting longer */
  async #take(): Promise<Shell | undefined> {
    if (this.#ended) return undefined;
    for (let shell = this.#idle.pop(); shell !== undefined; shell = this.#idle.pop()) if (shell.alive) return shell;
    if (this.#all.size < mostShells) {
      const shell = new Shell(() => this.#all.delete(shell));
      this.#all.add(shell);
      return shell;
    }
    const { promise, resolve } = Promise.withResolvers<Shell | undefined>();
    const timer = setTimeout(() => resolve(undefined), patienceMs);
    this.#waiting.add(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  #put(shell: Shell): void {
    const [next] = this.#waiting;
    if (!shell.alive) return;
    if (next === undefined) {
      this.#idle.push(shell);
      return;
    }
    this.#waiting.delete(next);
    next(shell);
  }

  /** Where a program is, as the shell would find it; a word of its own, such as `kill`, is not meant. */
  #find(name: string): string | undefined {
    if (name.includes('/')) return name;
    const known = this.#paths.get(name);
    if (known !== undefined) return known;
    const found = (process.env.PATH ?? '')
      .split(':')
      .filter((directory) => directory !== '')
      .map((directory) => `${directory}/${name}`)
      .find(isExecutable);
    if (found !== undefined) this.#paths.set(name, found);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    for (const waiting of this.#waiting) waiting(undefined);
    await Promise.all([...this.#all].map((shell) => shell.end()));
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A line of shell, and the command's input if it has any; undefined when only a spawn would be exact. */
function scriptOf(
  { argv: [name, ...args], input, env = {}, cwd }: Command,
  find: (name: string) => string | undefined,
): string | undefined {
  const program = find(name);
  if (program === undefined || cwd !== undefined) return undefined;
  const assignments = Object.entries(env);
  if (!assignments.every(([variable]) => /^[A-Za-z_]\w*$/.test(variable))) return undefined;
  // A here-document ends with a line's end.
  if (input !== undefined && input !== '' && !input.endsWith('\n')) return undefined;
  const words = [...assignments.map(([variable, value]) => `${variable}=${quoted(value)}`)];
  const delimiter = input ? `end-${randomUUID()}` : '';
  const redirection = input ? `<<'${delimiter}'\n${input}${delimiter}` : '</dev/null';
  const script = [...words, ...[program, ...args].map(quoted), redirection].join(' ');
  return script.length > scriptLimit || script.includes('\0') ? undefined : `${script}\n`;
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** What a command printed to one of its outputs so far, which a mark ends that it cannot know. */
class Output {
  readonly #chunks: Buffer[] = [];
  readonly #mark: RegExp;
  #tail = '';
  size = 0;
  /** Once the mark is there. */
  text: string | undefined;
  code = 0;

  constructor(mark: RegExp) {
    this.#mark = mark;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.size += chunk.length;
    this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - 128))).slice(-128);
    const found = this.#mark.exec(this.#tail);
    if (found === null) return;
    this.code = Number(found[1] ?? 0);
    this.text = Buffer.concat(this.#chunks)
      .subarray(0, this.size - found[0].length)
      .toString();
  }

  /** Without a mark, all there is. */
  get soFar(): string {
    return this.text ?? Buffer.concat(this.#chunks).toString();
  }
}

interface Turn {
  readonly out: Output;
  readonly err: Output;
  end(): void;
  /** @param why what went wrong; undefined: the shell could not be had at all */
  fail(why: string | undefined): void;
}

/** One shell, which runs one command after the other. */
class Shell {
  readonly #child: ChildProcess;
  readonly #gone = Promise.withResolvers<void>();
  #turn: Turn | undefined;
  #started = false;
  /** It could not be had, which is known before it is told to run anything. */
  #refused = false;
  #why: string | undefined;
  alive = true;

  constructor(onGone: () => void) {
    // A session of its own, which can be killed with whatever runs in it, and is not interrupted from a terminal.
    const child = nodeSpawn('/bin/sh', ['-s', 'trama-commands'], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.once('spawn', () => {
      this.#started = true;
    });
    // There are none when no more files can be opened.
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#heard('out', chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#heard('err', chunk));
    this.#child.stdin?.on('error', () => {});
    const gone = () => {
      this.alive = false;
      this.#refused = !this.#started;
      onGone();
      this.#turn?.fail(this.#started ? (this.#why ?? 'was interrupted') : undefined);
      this.#gone.resolve();
    };
    child.on('error', gone);
    // Whatever it was running would hold its outputs open.
    child.on('exit', () => this.#kill('was interrupted'));
    child.on('close', gone);
  }

  run(command: Command, script: string): Promise<Finished | 'not started'> {
    if (this.#refused) return Promise.resolve('not started');
    const { promise, resolve, reject } = Promise.withResolvers<Finished | 'not started'>();
    const mark = randomUUID();
    const turn: Turn = {
      out: new Output(new RegExp(`\n${mark} (\\d+)\n$`)),
      err: new Output(new RegExp(`\n${mark}\n$`)),
      end: () => {
        const { text: stdout = '', code } = turn.out;
        const { text: stderr = '' } = turn.err;
        // It was there when it was looked for; whoever spawns it says what is the matter.
        resolve(code === 127 && /^\S*sh: .*not found/.test(stderr) ? 'not started' : { code, stdout, stderr });
      },
      fail: (why) => {
        const result = { code: -1, stdout: turn.out.soFar, stderr: turn.err.soFar };
        if (why === undefined) resolve('not started');
        else reject(new CommandFailed(command.argv, result, why));
      },
    };
    this.#turn = turn;
    const timeoutMs = command.timeoutMs ?? 10_000;
    const timer = setTimeout(() => this.#kill(`took longer than ${timeoutMs} ms`), timeoutMs);
    this.#child.stdin?.write(`${script}printf '\\n${mark} %d\\n' $?; printf '\\n${mark}\\n' >&2\n`);
    return promise.finally(() => clearTimeout(timer));
  }

  #heard(output: 'out' | 'err', chunk: Buffer): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    turn[output].add(chunk);
    if (turn[output].size > outputLimit) this.#kill('printed too much');
    if (turn.out.text === undefined || turn.err.text === undefined) return;
    this.#turn = undefined;
    turn.end();
  }

  #kill(why: string): void {
    this.#why ??= why;
    this.alive = false;
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }

  async end(): Promise<void> {
    this.#kill('was interrupted');
    await this.#gone.promise;
  }
}

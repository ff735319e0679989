/** Does what people ask for, and writes into the book what was acknowledged. */
import { setTimeout as delay } from 'node:timers/promises';
import { type LabHost, labImage } from '../../src/lab/lab.ts';
import { type FaultAction, type HostName, hostNames, keepsContainers, tellUser, type UserAction } from './actions.ts';
import type { Book, Promised } from './book.ts';
import { program, type Scene } from './scene.ts';

const env = { DOCKER_HOST: 'unix:///var/run/docker.sock' };

interface Answer {
  readonly done: boolean;
  readonly said: string;
}

/** @returns what became of it; what was not acknowledged is in `book.open` then */
export async function ask(scene: Scene, book: Book, action: UserAction, patienceMs: number): Promise<string> {
  if (!book.possible(action)) return `${tellUser(action)}: void`;
  const answer = await perform(scene, book, action, patienceMs);
  if (answer.done) book.acknowledged(action);
  else book.open.push(action);
  return `${tellUser(action)}: ${answer.done ? 'done' : `not done: ${answer.said}`}`;
}

/** Asks again for what was not acknowledged, as people would, until it is or need not be. @throws Error when it cannot be had */
export async function askAgain(scene: Scene, book: Book, untilMs: number): Promise<void> {
  while (book.open.length > 0) {
    const [action] = book.open as [UserAction];
    const answer = await retry(scene, book, action);
    if (answer.done) {
      book.open.shift();
      continue;
    }
    if (performance.now() > untilMs) {
      throw new Error(`7: with all healed, still refused: ${tellUser(action)}: ${answer.said}`);
    }
    await delay(500);
  }
}

/** A container that may be there or not is removed rather than started once more. */
async function retry(scene: Scene, book: Book, action: UserAction): Promise<Answer> {
  if (action.kind === 'run') {
    const forget = { kind: 'rm', container: action.container, via: action.via } as const;
    return await perform(scene, book, forget, 15_000, action);
  }
  const container = 'container' in action ? action.container : undefined;
  // Its host was given up meanwhile.
  if (container !== undefined && !book.containers.has(container)) return { done: true, said: '' };
  const answer = await perform(scene, book, action, 15_000);
  if (!answer.done) return answer;
  book.acknowledged(action);
  return answer;
}

async function perform(
  scene: Scene,
  book: Book,
  action: UserAction,
  patienceMs: number,
  former?: UserAction & { readonly kind: 'run' },
): Promise<Answer> {
  const [host, argv] = commandOf(scene, book, action, former);
  try {
    const { code, stderr } = await host.run(argv, { timeoutMs: patienceMs, env });
    if (code === 0) return { done: true, said: '' };
    const said = stderr.trim().split('\n').at(-1) ?? '';
    return { done: alreadySo(action, said), said };
  } catch (error) {
    return { done: false, said: `${error instanceof Error ? error.message : error}`.slice(0, 300) };
  }
}

/** Asked a second time, since the first answer was lost. */
function alreadySo(action: UserAction, said: string): boolean {
  switch (action.kind) {
    case 'network-create':
      return /already|exists/i.test(said);
    case 'network-rm':
    case 'rm':
      return /no such|there is no|not found|does not exist|no container|no network/i.test(said);
    default:
      return false;
  }
}

function commandOf(
  scene: Scene,
  book: Book,
  action: UserAction,
  former?: UserAction & { readonly kind: 'run' },
): [LabHost, [string, ...string[]]] {
  const via = scene.host(action.via);
  switch (action.kind) {
    case 'network-create': {
      const subnet = `10.7${action.network.slice(1)}.0.0/${action.prefix}`;
      return [via, [program, 'network', 'create', action.network, '--subnet', subnet]];
    }
    case 'network-rm':
      return [via, [program, 'network', 'rm', action.network]];
    case 'run':
      return runOf(scene, action);
    default: {
      const { kind, container } = action;
      const { by, host } = book.containers.get(container) ?? former ?? { by: 'trama' as const, host: action.via };
      const words = { stop: ['stop', '-t', '0'], start: ['start'], rm: ['rm', '-f'] }[kind];
      if (by === 'trama') return [via, [program, ...words, container]];
      return [scene.host(host ?? action.via), ['docker', ...words, container]];
    }
  }
}

function runOf(scene: Scene, action: UserAction & { readonly kind: 'run' }): [LabHost, [string, ...string[]]] {
  const { container, network, host, via, by, port, onNodeLoss } = action;
  const published = port === undefined ? [] : ['-p', `${port}:80`];
  const common = ['-d', '--name', container, '--network', network, '--restart', 'unless-stopped', ...published];
  const command = [labImage, 'sh', '-c', `echo ${container} > /www/index.html; exec httpd -f`];
  if (by === 'docker') return [scene.host(host), ['docker', 'run', ...common, ...command]];
  const loss = onNodeLoss === undefined ? [] : ['--on-node-loss', onNodeLoss];
  return [scene.host(via), [program, 'run', ...common, '--node', host, ...loss, ...command]];
}

/**
 * A dockerd that was killed and comes back without live-restore stops what it finds running, as somebody who asks for it: of what people
 * ran with `unless-stopped` Docker then starts nothing, so they start it.
 */
export function startsAgain(book: Book, faults: readonly FaultAction[]): UserAction[] {
  const hosts = faults.flatMap((fault) =>
    fault.kind === 'kill' && fault.daemon === 'dockerd' && !keepsContainers(fault.host) ? [fault.host] : [],
  );
  const stopped = ({ by, host, running }: Promised) =>
    by === 'docker' && running && hosts.some((each) => each === host);
  return [...book.containers]
    .filter(([, promised]) => stopped(promised))
    .map(([container, { host }]) => ({ kind: 'start', container, via: host as HostName }));
}

/** What Docker ran on a host that was given up is removed by its owner: whether it kept its network is not promised. */
export async function removeLoose(scene: Scene, host: HostName, names: readonly string[]): Promise<void> {
  if (names.length > 0) await scene.host(host).run(['docker', 'rm', '-f', ...names], { env, timeoutMs: 30_000 });
}

export const isHost = (name: string): name is HostName => (hostNames as readonly string[]).includes(name);

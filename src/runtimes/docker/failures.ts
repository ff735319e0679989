/** What Docker's answers mean, as sentences for the person who waits for a container. Pure. */
import { Failure, type FailureCode } from '../../domain/domain.ts';

interface Meaning {
  readonly match: RegExp;
  readonly code: FailureCode;
  /** @param found the groups of `match`. */
  readonly say: (found: readonly string[], doing: string, text: string) => string;
}

/** The first that matches counts. Texts as of Docker 20.10 to 28. */
const meanings: readonly Meaning[] = [
  {
    match: /no space left on device/,
    code: 'exhausted',
    say: (_, doing, text) =>
      `Docker could not ${doing}: the disk is full (${text}); free space, for instance with "docker system prune".`,
  },
  {
    match: /no such image: ?(\S+)/i,
    code: 'not-found',
    say: ([, image]) => `There is no image ${image} on this host; check its name, or pull it first.`,
  },
  {
    match: /container name "\/?([^"]+)" is already in use/i,
    code: 'conflict',
    say: ([, name]) =>
      `Another container on this host is called ${name}; remove it with "docker rm ${name}" or choose another name.`,
  },
  {
    match: /^network (\S+) not found/,
    code: 'not-found',
    say: ([, network], doing) => `Docker could not ${doing}: it has no network ${network}.`,
  },
  {
    match: /Bind for (\S+) failed: port is already allocated|listen \w+ (\S+): bind: address already in use/,
    code: 'conflict',
    say: ([, docker, other], doing) =>
      `Docker could not ${doing}: ${docker ?? other} is in use on this host; stop what uses it or publish another port.`,
  },
  {
    match: /exec: "(.*?)": .*(?:executable file not found|no such file or directory|permission denied)/,
    code: 'invalid',
    say: ([, command], doing) =>
      `Docker could not ${doing}: the image has no executable ${command}; check the command.`,
  },
  {
    match: /plugin "([^"]+)" not found|dial unix \S*\/([^/\s]+)\.sock/,
    code: 'unavailable',
    say: ([, name, file], doing) =>
      `Docker could not ${doing}: its network plugin "${name ?? file}" does not answer; check that the agent runs on this host.`,
  },
  {
    // The plugin's own sentence.
    match: /remote: (.+)/,
    code: 'unavailable',
    say: ([, sentence = ''], doing, text) => plainly([], doing, sentence || text),
  },
  {
    match:
      /cannot join network of a (?:non running|restarting) container: ?(\S+)|cannot join PID of a non running container: ?(\S+)/i,
    // Not for a person only: it may be on its way up, too.
    code: 'unavailable',
    say: ([, network, processes], doing) =>
      `Docker could not ${doing}: the container that it joins (${(network ?? processes ?? '').slice(0, 12)}) is not running; start that one first.`,
  },
  {
    match: /container \S+ is not running/i,
    code: 'conflict',
    say: (_, doing) => `Docker could not ${doing}: the container is not running; start it first.`,
  },
  { match: /has active endpoints|Pool overlaps|already exists/, code: 'conflict', say: plainly },
  { match: /client version .* is too (?:new|old)/, code: 'unavailable', say: plainly },
];

/** A refusal by the engine. @param doing completes "Docker could not …", e.g. `start the container web`. */
export function refusal(status: number, text: string, doing: string): Failure {
  const meaning = meanings.find(({ match }) => match.test(text));
  if (meaning === undefined) return new Failure(codeOf(status), plainly([], doing, text));
  return new Failure(meaning.code, meaning.say(text.match(meaning.match) ?? [], doing, text));
}

const joinMeanings: readonly Meaning[] = [
  {
    match: /is not connected to (?:the )?network/,
    code: 'not-found',
    say: (_, doing) => `Docker could not ${doing}: the container is not on that network.`,
  },
  {
    // The plugin's own sentences among them.
    match: /(?:remote: )?(.*(?:address already in use|is in use|belongs to).*)/i,
    code: 'conflict',
    say: ([, sentence = ''], doing) => plainly([], doing, sentence.replace(/^.*remote: /, '')),
  },
  { match: /cannot be connected to|conflicting options/, code: 'conflict', say: plainly },
];

/** A refusal to connect a container to a network, or to disconnect it. */
export function joinRefusal(status: number, text: string, doing: string): Failure {
  const meaning = joinMeanings.find(({ match }) => match.test(text));
  if (meaning === undefined) return refusal(status, text, doing);
  return new Failure(meaning.code, meaning.say(text.match(meaning.match) ?? [], doing, text));
}

function plainly(_: readonly string[], doing: string, text: string): string {
  return `Docker could not ${doing}: ${text.trim().replace(/\.$/, '')}.`;
}

function codeOf(status: number): FailureCode {
  if (status === 400 || status === 501) return 'invalid';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'not-found';
  if (status === 409) return 'conflict';
  if (status === 503) return 'unavailable';
  return 'internal';
}

const pullMeanings: readonly Meaning[] = [
  ...meanings.filter(({ code }) => code === 'exhausted'),
  {
    match: /toomanyrequests|rate limit/i,
    code: 'overloaded',
    say: (_, image, text) =>
      `The registry refuses to give more images for now, among them ${image} (${text}); wait, or "docker login" on this host.`,
  },
  {
    match: /pull access denied|repository .*not (?:exist|found)|manifest (?:for .* not found|unknown)|not found/i,
    code: 'not-found',
    say: (_, image, text) =>
      `No such image: ${image} (${text}); check its name and tag, or "docker login" on this host if it is private.`,
  },
  {
    match: /unauthorized|authentication required|no basic auth credentials|denied|forbidden/i,
    code: 'denied',
    say: (_, image, text) => `The registry does not give ${image} to this host (${text}); "docker login" on it first.`,
  },
  {
    match: /server gave HTTP response to HTTPS client/,
    code: 'unavailable',
    say: (_, image) =>
      `The registry of ${image} does not speak TLS; add it to "insecure-registries" in /etc/docker/daemon.json of this host.`,
  },
  {
    match: /x509|certificate/,
    code: 'unavailable',
    say: (_, image, text) =>
      `This host does not trust the certificate of the registry of ${image} (${text}); put its CA into /etc/docker/certs.d.`,
  },
  {
    match:
      /dial \w+|lookup |timeout|deadline exceeded|connection re(?:fused|set)|unreachable|no route to host|EOF|50\d/i,
    code: 'unavailable',
    say: (_, image, text) =>
      `The registry of ${image} cannot be reached from this host (${text}); check the network and DNS, or load the image with "docker load".`,
  },
  {
    match: /invalid reference/,
    code: 'invalid',
    say: (_, image) => `${image} is not the name of an image.`,
  },
];

/** A pull that failed, in its answer or in its progress. */
export function pullFailure(reference: string, text: string): Failure {
  const meaning = pullMeanings.find(({ match }) => match.test(text));
  if (meaning === undefined) return new Failure('unavailable', plainly([], `pull ${reference}`, text));
  // The meanings that hold for everything complete "Docker could not …"; the others name the image.
  const about = meanings.includes(meaning) ? `pull ${reference}` : reference;
  return new Failure(meaning.code, meaning.say(text.match(meaning.match) ?? [], about, text.trim()));
}

/** The engine could not be spoken to at all, or went away in the middle. */
export function connectionFailure(error: unknown, socketPath: string): Failure {
  if (error instanceof Failure) return error;
  const options = { cause: error };
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOENT':
      return new Failure(
        'unavailable',
        `Docker is not installed or not running on this host: there is no ${socketPath}; install it ("apt-get install docker.io") or start it ("systemctl start docker").`,
        options,
      );
    case 'ECONNREFUSED':
      return new Failure(
        'unavailable',
        `Docker is not running on this host: nobody answers at ${socketPath}; start it ("systemctl start docker").`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'denied',
        `This process may not use Docker's socket ${socketPath}; run it as root or as a member of the group docker.`,
        options,
      );
    default:
      return new Failure(
        'unavailable',
        `Docker on this host broke off the connection at ${socketPath} (${error instanceof Error ? error.message : String(error)}); it was stopped or restarted, try again.`,
        options,
      );
  }
}

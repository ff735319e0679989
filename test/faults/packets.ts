/** What packets say: who reaches whom, by address, name and published port; asked for a host at once. */
import type { LabHost } from '../../src/lab/lab.ts';
import type { HostName } from './actions.ts';
import type { Book } from './book.ts';
import type { Look } from './invariants.ts';
import type { Chance } from './random.ts';
import type { Scene } from './scene.ts';

interface Place {
  readonly name: string;
  readonly host: HostName;
  readonly pid: number;
  readonly address: string;
  readonly network: string;
}

interface Question {
  readonly text: string;
  /** Whether it is to succeed. */
  readonly wanted: boolean;
  readonly invariant: number | string;
  readonly command: string;
}

/** A sample of so many pairs of different networks is asked per host. */
const strangersAsked = 3;

/** @returns sentences about what was not so */
export async function askPackets(scene: Scene, look: Look, book: Book, chance: Chance): Promise<string[]> {
  const places = placesOf(look);
  const questions = new Map<HostName, Question[]>([...look.hosts.keys()].map((host) => [host, []]));
  for (const from of places) {
    const others = places.filter((each) => each.network === from.network && each !== from);
    questions.get(from.host)?.push(...others.map((to) => pinging(from, to, true)), ...naming(from, others, chance));
  }
  for (const [host, list] of questions) {
    const here = places.filter((each) => each.host === host);
    for (let count = 0; count < strangersAsked && here.length > 0; count += 1) {
      const from = chance.of(here);
      const strangers = places.filter((each) => each.network !== from.network);
      if (strangers.length > 0) list.push(pinging(from, chance.of(strangers), false));
    }
  }
  askPorts(scene, places, book, questions);
  const answers = [...questions].map(async ([host, list]) => wrongAnswers(scene.host(host), list));
  return (await Promise.all(answers)).flat();
}

function placesOf(look: Look): Place[] {
  return [...look.hosts].flatMap(([host, { containers }]) =>
    containers
      .filter(({ running, name }) => running && name !== 'neighbour')
      .flatMap(({ name, pid, networks }) =>
        networks.map((each) => ({ name, host, pid, address: each.address, network: each.name })),
      ),
  );
}

const inside = ({ pid }: Place) => `nsenter --net=/proc/${pid}/ns/net`;

const pinging = (from: Place, to: Place, wanted: boolean): Question => ({
  text: `${from.name} (${from.host}) reaches ${to.name} (${to.host}) at ${to.address}`,
  wanted,
  invariant: wanted ? 'packets' : 2,
  command: `${inside(from)} ping -n -q -c1 -W1 ${to.address}`,
});

/** One name per container: of somebody on its network. */
function naming(from: Place, others: readonly Place[], chance: Chance): Question[] {
  if (others.length === 0) return [];
  const to = chance.of(others);
  return [
    {
      text: `${from.name} (${from.host}) is told ${to.address} for ${to.name} (${to.host})`,
      wanted: true,
      invariant: 'names',
      command: `${inside(from)} busybox nslookup -type=a ${to.name} 127.0.0.11 | grep -qw ${to.address}`,
    },
  ];
}

/** Each published port is asked from the next host. */
function askPorts(scene: Scene, places: readonly Place[], book: Book, questions: Map<HostName, Question[]>): void {
  const hosts = [...questions.keys()];
  for (const [name, { port, running }] of book.containers) {
    const place = places.find((each) => each.name === name);
    if (port === undefined || !running || place === undefined) continue;
    const asking = hosts[(hosts.indexOf(place.host) + 1) % hosts.length] as HostName;
    const url = `http://${scene.host(place.host).address}:${port}/`;
    questions.get(asking)?.push({
      text: `${asking} is served by ${name} at ${url}`,
      wanted: true,
      invariant: 'ports',
      command: `busybox timeout 2 busybox wget -q -O - ${url} | grep -qx ${name}`,
    });
  }
}

async function wrongAnswers(host: LabHost, questions: readonly Question[]): Promise<string[]> {
  if (questions.length === 0) return [];
  const lines = questions.map(({ command }, index) => `(${command}) >/dev/null 2>&1 && echo ${index} &`);
  const script = `${lines.join('\n')}\nwait`;
  const said = await host.output(['sh', '-c', script], { timeoutMs: 30_000 });
  const yes = new Set(said.split('\n').filter((line) => line !== ''));
  return questions
    .filter(({ wanted }, index) => yes.has(`${index}`) !== wanted)
    .map(({ text, wanted, invariant }) => `${invariant}: not so: ${wanted ? '' : 'not '}${text}`);
}

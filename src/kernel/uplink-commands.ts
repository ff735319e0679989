/**
 * An interface becomes a port of a bridge that takes its place, and is itself again. In an order in which the host is never without
 * an address or a route that it had: each is there a second time before it is taken away where it was, and routes change their
 * interface in one step. Neighbours need not be taken away: an interface loses them with its last address. What was done until any of them, another process can finish or undo (`uplinks.ts`).
 */
import {
  addressAddition,
  addressDeletion,
  asAdded,
  inReach,
  isMovable,
  nothingCarried,
  routeReplacement,
} from './carried.ts';
import type { Operation } from './commands.ts';
import { settingsGiven } from './link-commands.ts';
import type { UplinkObject } from './objects.ts';

export function placeTaken(o: UplinkObject): Operation[] {
  const { things, there, settings } = o.carried ?? { things: nothingCarried, there: nothingCarried, settings: [] };
  const ip = together(o);
  // What is in the place already may be of any kind.
  const unmovable = there.routes.filter((route) => !isMovable(route));
  return [
    // Another port of it has one already: what comes and goes is not without a way for a moment.
    { tool: 'carrier', ns: o.ns, args: [o.bridge] },
    // As strict or as lenient with what comes and goes as the interface itself, and before anything does.
    ...settingsGiven(o.ns, settings),
    ip('link', 'set', 'dev', o.device, 'master', o.bridge),
    ...asAdded(things.addresses).map((each) => ip(...addressAddition(each, o.bridge, 'place'))),
    ...inReach([...things.routes.filter(isMovable), ...unmovable]).map((each) =>
      ip(...routeReplacement(each, o.device, o.bridge)),
    ),
    ...things.neighbours.map((each) => ip(...neighbour(each, o.bridge))),
    ...asAdded(there.addresses)
      .reverse()
      .map((each) => ip(...addressDeletion(each, o.device))),
  ];
}

/** A route that cannot come back keeps nothing else from it. */
export function placeGivenBack(o: UplinkObject): Operation[] {
  const { things, there } = o.carried ?? { things: nothingCarried, there: nothingCarried };
  const ip = together(o);
  const tried = (...args: string[]): Operation => ({ ...ip(...args), tried: true }) as Operation;
  return [
    ip('link', 'set', 'dev', o.device, 'nomaster'),
    ...asAdded(things.addresses).map((each) => ip(...addressAddition(each, o.device, 'itself'))),
    ...inReach(things.routes.filter(isMovable)).map((each) => tried(...routeReplacement(each, o.device, o.device))),
    ...things.neighbours.map((each) => tried(...neighbour(each, o.device))),
    ...asAdded(there.addresses)
      .reverse()
      .map((each) => tried(...addressDeletion(each, o.bridge))),
  ];
}

const together =
  (o: UplinkObject) =>
  (...args: string[]): Operation => ({ tool: 'ip', ns: o.ns, args, together: `${o.device} ${o.bridge}` });

const neighbour = ({ dst, lladdr }: { dst: string; lladdr: string }, device: string): string[] => {
  return ['neigh', 'replace', dst, 'lladdr', lladdr, 'dev', device, 'nud', 'permanent'];
};

/** Steps as the commands that a person would type. */
import { type Operation, operationsOf, type UdpPort } from './commands.ts';
import type { Step } from './steps.ts';

type Argv = [string, ...string[]];

/** Exact argument vectors, run from the host's own namespace. */
export function commandsOf(step: Step, host = '1'): string[][] {
  return operationsOf(step, host).map(argvOf);
}

export function argvOf(operation: Operation): Argv {
  switch (operation.tool) {
    case 'nft':
      return inside(operation.ns, ['nft', operation.statements.join('; ')]);
    case 'netns':
      return ['ip', ...operation.args];
    case 'carrier':
      return inside(operation.ns, ['sh', '-c', carrierIn(...operation.args)]);
    case 'conntrack':
      return inside(operation.ns, forgetting(operation.args));
    case 'ip':
    case 'bridge':
    case 'tc':
      return switching(operation.tool, operation.ns, operation.args);
    default:
      return inside(operation.ns, [operation.tool, ...operation.args]);
  }
}

/**
 * A carrier takes effect when the kernel comes to it, on a busy machine tens of milliseconds later. What is sent until then is lost, and
 * who has asked in vain for a neighbour's MAC asks again a second later. The flag `LOWER_UP` is there at once and does not tell.
 */
const carrierIn = (device: string): string =>
  `i=0; while [ $i -lt 100 ] && ip link show dev ${device} | grep -q 'state DOWN'; do i=$((i+1)); sleep 0.01; done`;

/** Of a port of all addresses each by itself: without a destination, flows to other hosts would be forgotten, too. */
function forgetting([port, address]: UdpPort): Argv {
  const entries = ['-p', 'udp', '--orig-port-dst', port, '--orig-dst'];
  if (address !== undefined) return ['conntrack', '-D', ...entries, address];
  const local = "$(ip -4 route show table local type local | cut -d' ' -f2)";
  return ['sh', '-c', `for address in ${local}; do conntrack -D ${entries.join(' ')} $address || true; done`];
}

/** `ip`, `bridge` and `tc` enter a named namespace by themselves, which is one process less. */
export function switching(tool: 'ip' | 'bridge' | 'tc', ns: string, args: readonly string[]): Argv {
  if (ns === '') return [tool, ...args];
  return ns.startsWith('/') ? inside(ns, [tool, ...args]) : [tool, '-n', ns, ...args];
}

/** `ip netns exec` would mount another /sys; `nsenter` does not. */
export function inside(ns: string, argv: Argv): Argv {
  if (ns === '') return argv;
  return ['nsenter', `--net=${ns.startsWith('/') ? ns : `/run/netns/${ns}`}`, ...argv];
}

/** One line for a POSIX shell, also one that ends at the first error: to conntrack it is one that nothing was there. */
export function shellLine(argv: readonly string[]): string {
  const line = argv
    .map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
  return argv.includes('conntrack') ? `${line} || true` : line;
}

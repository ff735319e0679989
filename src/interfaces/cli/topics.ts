/** What `trama help TOPIC` says: what belongs to no command alone. */
import { environment, exitStatus, files, firstSteps, type Row } from './reference.ts';
import { cells } from './text.ts';

export interface Topic {
  readonly name: string;
  readonly says: string;
  /** Without a title; paragraphs are lines. */
  readonly text: readonly string[];
}

export const topics: readonly Topic[] = [
  {
    name: 'start',
    says: 'a cluster, from nothing',
    text: [
      'One host alone: trama up. Several, with the Debian package:',
      ...indented(firstSteps),
      ...indented([
        'trama network create app',
        'trama run -d --name web --network app nginx',
        'docker run --rm --network app alpine ping -c1 web',
      ]),
    ],
  },
  {
    name: 'networks',
    says: 'which driver for what',
    text: [
      ...rows([
        ['overlay', 'VXLAN between hosts: whatever lies between them, as long as UDP 4789 passes. The default.'],
        [
          'routed',
          'Routes of the hosts themselves: no encapsulation, for hosts in one LAN, or with a router between them (--via).',
        ],
        ['lan', "The hosts' own LAN, by their interface in it (--parent eth1): containers have addresses of the LAN."],
        ['bridge', 'Each host alone, behind its address. What containers get that name no network.'],
      ]),
      'host, none and container:NAME are no networks but modes of one container: trama run --network host.',
      'Networks do not reach one another; --internal ones have no way out either.',
    ],
  },
  {
    name: 'names',
    says: 'how containers find one another',
    text: [
      'Within a network: by name, by alias, NAME.NETWORK, and any of these with .trama; addresses by PTR. Hosts by the names of',
      "their nodes. Containers need nothing for it: what they ask their own 127.0.0.11 is answered by the host's agent.",
      "What is not of the cluster is asked of the host's resolvers.",
    ],
  },
  {
    name: 'ports',
    says: 'what -p takes, and where a port is reached',
    text: [
      ...rows([
        ['-p 8080:80', 'port 8080 of the node, to port 80 of the container'],
        ['-p 53:53/udp', 'UDP'],
        ['-p 10.0.0.1:8080:80', 'at one address of the node'],
        ['-p 8000-8010:8000-8010', 'a range'],
        ['-p 80', 'any free port of the node: see trama ps'],
      ]),
      'It is reached from anywhere that reaches the node, from the node itself and from containers there. A port that somebody has is',
      'refused before the container starts.',
    ],
  },
  {
    name: 'output',
    says: '-o, --filter, --watch: what programs and people get',
    text: [
      ...rows([
        ['-o table', 'for people; cut at the edge of a terminal, unless --no-trunc. The default.'],
        ['-o wide', 'more columns'],
        ['-o json, -o yaml', 'all there is; keys are camelCase, times milliseconds since 1970, sizes bytes'],
        ["-o '{{.name}} {{.status}}'", 'a template, for each thing'],
        ['--filter KEY=VALUE', 'those that agree; KEY!=VALUE, the others. Several of one key: any of them'],
        ['-q', 'names alone, of containers ids'],
        ['--watch', 'again, whenever something changes'],
      ]),
      'Data goes to standard output, messages to standard error. Without a terminal, and with NO_COLOR, there are no colours.',
    ],
  },
  {
    name: 'contexts',
    says: 'a cluster controlled from a machine that is no host of it',
    text: [
      ...indented([
        'trama user create ana --role operator > ana.key       # on a host of the cluster: the key, once',
        'trama context create prod --server 10.0.0.1 --key - < ana.key   # on the other machine, no root needed',
        'trama context use prod',
        'trama ps',
      ]),
      'Which cluster a command is about: --context NAME before the command, else TRAMA_CONTEXT, else what `context use` chose, else',
      'this host (local). A viewer looks, an operator runs containers and makes networks, an admin does everything; --network limits',
      'to containers on these networks. Servers refuse what a role may not.',
    ],
  },
  { name: 'exit-codes', says: 'what commands end with', text: rows(exitStatus) },
  { name: 'environment', says: 'variables that are read', text: rows(environment()) },
  { name: 'files', says: 'what is where', text: rows(files) },
  {
    name: 'trouble',
    says: 'where to look when something does not work',
    text: rows([
      ['trama doctor', 'examines this host, and says what to do about what it finds'],
      ['trama node ls', 'which hosts are heard, and since when not'],
      ['trama node inspect NODE', 'why one is silent; what was repaired on it'],
      ['trama ps -a', 'what should run and does not, with the reason'],
      ['trama debug NAME', "a shell with the host's tools in a container's network"],
      ['journalctl -u trama-agent', 'what the agent says'],
    ]),
  },
];

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `    ${line}`);
}

function rows(all: readonly Row[]): string[] {
  const width = Math.max(...all.map(([term]) => cells(term)));
  return all.map(([term, says]) => `    ${term}${' '.repeat(width - cells(term))}  ${says}`);
}

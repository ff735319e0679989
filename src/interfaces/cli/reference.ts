/** What the manual page and the topics of help say alike. */
import { configPath } from './config-file.ts';
import { allSettings } from './settings.ts';

export type Row = readonly [term: string, says: string];

export const exitStatus: readonly Row[] = [
  ['0', 'Done.'],
  ['1', 'Failed.'],
  ['2', 'The words are wrong, and nothing was asked.'],
  ['125', 'The connection to a container was lost: nothing is known of what ran there.'],
  ['130', 'Interrupted.'],
  [
    'others',
    "Of run, exec, attach and debug: the container's own; 127 when there is no such command, 126 when it cannot be run.",
  ],
];

export function environment(): Row[] {
  const daemons = allSettings.map(
    ({ name, variable, byDefault }): Row => [
      variable,
      `Of the daemons, where --${name} is not given.${byDefault === undefined ? '' : ` Default: ${byDefault}.`}`,
    ],
  );
  return [
    ...daemons,
    ['TRAMA_LOG', 'What daemons log: debug, info, warn or error. Default: info.'],
    ['TRAMA_CONTEXT', 'The context that commands are about, where --context is not given; local: this host.'],
    ['TRAMA_DEBUG', 'When it is 1, failures also say where in the program they arose.'],
    ['TRAMA_NODE', 'The Node.js to run under, 24 or later. Default: the one beside the program.'],
    [
      'NODE_COMPILE_CACHE',
      'Directory of compiled code. Default: /var/cache/trama, or ~/.cache/trama for other users than root.',
    ],
  ];
}

const stateDirectory = allSettings.find(({ name }) => name === 'state')?.byDefault ?? '';

export const files: readonly Row[] = [
  [
    configPath,
    'Settings of the daemons: their flags without dashes, as in "name: h1". A flag goes before a variable, that before the file.',
  ],
  [stateDirectory, "What must survive a restart: the cluster, the node's identity."],
  [
    '~/.config/trama/contexts',
    'Contexts, with their keys: a file each, for its owner only. Under XDG_CONFIG_HOME if that is set.',
  ],
  ['/run/trama', 'Sockets of the daemons, for root.'],
  ['/run/docker/plugins/trama.sock', 'Where Docker finds the agent.'],
  ['/var/cache/trama', 'Compiled code; it may be deleted at any time.'],
  ['/usr/share/doc/trama', 'The other documents, and how to bring up an etcd.'],
];

export const firstSteps = [
  '# on the first host',
  'systemctl enable --now trama-server',
  'trama token create',
  '# on every host, with the token in /etc/trama/config.yaml as "join: TOKEN@10.0.0.1"',
  'systemctl enable --now trama-agent',
  '# anywhere',
];

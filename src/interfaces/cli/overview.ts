/**
 * What `trama --help` prints, without the command tree: to load all commands would take most of its time. Imports nothing. A test
 * holds it equal to what the tree says, at any width; whoever adds a command adds a line.
 */

/** As on a terminal without an end. */
const whole = `Usage: trama [options] [command]

Joins containers on many Linux hosts into one network, and lets a person see through it.

Options:
  -V, --version                                     output the version number
  --context <CONTEXT>                               control the cluster of this context (also TRAMA_CONTEXT)
  -h, --help                                        display help for command

Daemons:
  up [options]                                      Run a server and an agent together on this host
  server [options]                                  Run a server, which holds the cluster
  agent [options]                                   Run the agent, which every host of a cluster needs

Cluster:
  console [options]                                 See and steer the cluster on a full screen
  info [options]                                    Show the servers, and how many there are of what
  token                                             Rights to join the cluster
  user                                              People who control the cluster from elsewhere
  context                                           Clusters that are controlled from this machine
  node                                              The hosts of the cluster
  network                                           Networks that span the hosts
  image                                             Images that there are to run
  apply [options]                                   Bring networks and containers to what a file says; shows the plan first
  diff [options]                                    Show what apply would do; exit code 1 when it would do something
  store                                             What the cluster is kept in, as a whole

Containers:
  run [options] <IMAGE> [COMMAND...]                Run a container on a host of the cluster
  ps [options]                                      List containers: those that run, or should and do not yet
  inspect [options] <CONTAINER...>                  Show all there is to know of containers
  start <CONTAINER...>                              Start containers that were stopped
  stop [options] <CONTAINER...>                     Stop containers
  rm [options] <CONTAINER...>                       Remove containers
  stats [options] [CONTAINER...]                    Show what containers use, on whatever hosts they are
  events [options]                                  Tell what happens in the cluster: containers, nodes, networks, repairs
  logs [options] <CONTAINER>                        Show what a container printed
  exec [options] <CONTAINER> <COMMAND...>           Run a command in a container, on whatever host it is
  attach [options] <CONTAINER>                      Join the streams of a container's main process; Ctrl-C leaves it
  debug [options] <CONTAINER> [IMAGE] [COMMAND...]  Join a container's network and processes with tools, also when it has no shell
  cp [options] <SOURCE> <DESTINATION>               Copy files to or from a container, on whatever host it is

This host:
  doctor [options]                                  Examine this host: what Trama needs, and the ways to the other nodes; changes nothing
  lab                                               Networks on this machine, in namespaces, built from a file and checked

This program:
  help [COMMAND|TOPIC...]                           Show the help of a command, or of a topic
  version [options]                                 Show the versions of this command, the agent here and the server
  completion <SHELL>                                Print a script that completes our commands

Examples:
  $ trama up
  $ trama network create app
  $ trama run -d --name web --network app nginx
  $ trama ps

More of a command: trama COMMAND --help; of ports, names, output and more: trama help
`;

/** Where descriptions begin, after the longest term. */
const column = whole.indexOf('output the version number') - whole.indexOf('  -V, --version');
/** In less room than this nothing is wrapped. */
const leastToWrap = 40;

/** @param width cells of the terminal */
export function overview(width: number): string {
  const [described = '', examples = ''] = whole.split(/(?=^Examples:$)/m);
  const lines = described.split('\n').map((line) => {
    if (!line.startsWith('  ')) return wrapped(line, width).join('\n');
    const says = wrapped(line.slice(column), width - column);
    return line.slice(0, column) + says.join(`\n${' '.repeat(column)}`);
  });
  return lines.join('\n') + examples;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (width >= leastToWrap && line !== '' && longer.length > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** `lab`: networks of bare namespaces on this machine, built from a file. */
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { Failure } from '../../../domain/errors.ts';
import { quoted } from '../../../domain/quoted.ts';
import { define, type Format, formatOption, formats, run, show, widthOf } from '../define.ts';
import { type LabChange, type LabPicture, type LabStep, pictureFormats, pictureThemes } from '../lab-tools.ts';
import { labMatrix, labSheet, labTable, verdictTable } from '../lab-views.ts';
import { Interrupted, type Session } from '../session.ts';
import { usage } from '../usage.ts';

const source = 'a topology file, a scenario, or NxM: N hosts with M containers each';
const place = 'NODE, or LAB/NODE where several labs are up';

interface Dry {
  readonly dryRun?: boolean;
}

const dryRun = () => new Option('--dry-run', 'print the commands instead of doing it');

export function labCommands(program: Command, session: Session): void {
  const lab = define(program, 'lab', 'Networks on this machine, in namespaces, built from a file and checked', [
    'lab up nat',
    'lab test',
    'lab down nat',
  ]);
  buildCommands(lab, session);
  lookCommands(lab, session);
  insideCommands(lab, session);
  writtenCommands(lab, session);
  pictureCommand(lab, session);
}

function buildCommands(lab: Command, session: Session): void {
  const { io } = session;
  const warn = (text: string) => void session.note(`trama: ${text}`);
  define(lab, 'up', 'Build a lab', ['lab up bridge', 'lab up 10x10', 'lab up my.yaml --dry-run'])
    .argument('<SCENARIO>', source)
    .addOption(dryRun())
    .action(
      run(session, async (word: string, flags: Dry) => {
        if (flags.dryRun) return printCommands(session, await told(session, io.lab.upSteps(word, warn)));
        const controller = new AbortController();
        const undo = [
          io.onSignal('SIGINT', () => controller.abort()),
          io.onSignal('SIGTERM', () => controller.abort()),
        ];
        try {
          const { name, nodes, links } = await told(session, io.lab.up(word, controller.signal, warn));
          await session.print(name);
          await session.note(`lab ${name} is up: ${count(nodes, 'namespace')}, ${count(links, 'link')}`);
          return 0;
        } catch (error) {
          if (controller.signal.aborted) throw new Interrupted(error instanceof Error ? error.message : '');
          throw error;
        } finally {
          for (const one of undo) one();
        }
      }),
    );
  define(lab, 'down', 'Remove a lab, with whatever runs in it', ['lab down nat', 'lab down'])
    .argument('[LAB]', 'its name (default: the only one)')
    .addOption(dryRun())
    .action(
      run(session, async (name: string | undefined, flags: Dry) => {
        if (flags.dryRun) return printCommands(session, await io.lab.downSteps(name));
        await session.print(await io.lab.down(name));
        return 0;
      }),
    );
  const set = define(lab, 'set', 'Change a link of a lab that is up: its rate, its loss, its cable', [
    'lab set p1:eth0 rate 10mbit',
    'lab set h1:eth1 loss 5%',
    'lab set h1:eth1 down',
  ]);
  set
    .argument('<LINK>', 'one of its ends: NODE:INTERFACE, or LAB/NODE:INTERFACE')
    .argument('<WHAT>', 'rate, loss, down or up')
    .argument('[VALUE]', 'of rate like 10mbit, or none; of loss like 5%')
    .addOption(dryRun())
    .action(
      run(session, async (link: string, what: string, value: string | undefined, flags: Dry) => {
        const steps = await io.lab.set(link, usage(changeOf)(what, value), flags.dryRun === true);
        return flags.dryRun ? printCommands(session, steps) : 0;
      }),
    );
}

const count = (things: readonly unknown[], what: string) => `${things.length} ${what}${things.length === 1 ? '' : 's'}`;

/** @throws Failure `invalid` */
function changeOf(what: string, value: string | undefined): LabChange {
  if ((what === 'up' || what === 'down') && value === undefined) return { up: what === 'up' };
  if (what === 'rate' && value === 'none') return { rate: null };
  if (what === 'rate' && /^[1-9]\d{0,5}(kbit|mbit|gbit)$/.test(value ?? '')) return { rate: value ?? null };
  if (what === 'loss' && /^(100|\d{1,2}(\.\d)?)%?$/.test(value ?? '')) return { loss: Number.parseFloat(value ?? '') };
  const said = value === undefined ? what : `${what} ${value}`;
  throw new Failure(
    'invalid',
    `${quoted(said)} is no change of a link: write rate 10mbit, rate none, loss 5% or 0.5%, down or up`,
  );
}

function lookCommands(lab: Command, session: Session): void {
  const { io } = session;
  define(lab, 'ls', 'List labs', ['lab ls', 'lab ls -o json'])
    .addOption(formatOption())
    .action(
      run(session, async (format: Format) => {
        const labs = await io.lab.list();
        await show(session, format, labs, (all) => labTable(all, io.now(), widthOf(session)));
        return 0;
      }),
    );
  define(lab, 'inspect', 'Show a lab: its nodes, interfaces, addresses, routes and links', [
    'lab inspect',
    'lab inspect nat -o json',
  ])
    .argument('[LAB]', 'its name (default: the only one)')
    .addOption(formatOption())
    .action(
      run(session, async (name: string | undefined, format: Format) => {
        await show(session, format, await io.lab.inspect(name), labSheet);
        return 0;
      }),
    );
  define(
    lab,
    'test',
    'Make sure of what a lab expects: who reaches whom, and the rest; exit code 1 when it is otherwise',
    ['lab test', 'lab test nat --junit report.xml', 'lab test my.yaml -o json'],
  )
    .argument('[LAB]', 'a lab that is up, or the file of one that its script has built (default: the only one)')
    .option('--junit <FILE>', 'also write the result there, as JUnit XML')
    .addOption(formatOption())
    .action(
      run(session, async (which: string | undefined, flags: Format & { readonly junit?: string }) => {
        const report = await told(
          session,
          io.lab.test(which, (text) => void session.note(`trama: ${text}`)),
        );
        if (flags.junit !== undefined) await writeTo(flags.junit, await io.lab.junit(report));
        await show(session, flags, report, (one) => labMatrix(one) + verdictTable(one));
        const failed = report.verdicts.filter(({ ok }) => !ok).length;
        const seconds = (report.took / 1000).toFixed(1);
        await session.note(
          `${report.verdicts.length - failed} as expected, ${failed} not; ${report.pings.length} pings in ${seconds} s`,
        );
        return failed === 0 ? 0 : 1;
      }),
    );
}

function insideCommands(lab: Command, session: Session): void {
  const { io } = session;
  define(lab, 'exec', 'Run a command in a node, with our terminal; ends with its exit code', [
    'lab exec p1 ping -c3 192.168.2.2',
    'lab exec nat/outside bash',
  ])
    .passThroughOptions()
    .argument('<PLACE>', place)
    .argument('<COMMAND...>', 'a command, with its own options')
    .action(run(session, (node: string, argv: string[]) => io.lab.exec(node, argv)));
  define(lab, 'capture', 'Show or write the packets of a node or of one of its interfaces, until Ctrl-C', [
    'lab capture internet:h0',
    'lab capture p1 -w p1.pcap',
  ])
    .argument('<PLACE>', `${place}; with :INTERFACE one of its interfaces`)
    .option('-w, --write <FILE>', 'write them there, for Wireshark')
    .action(run(session, (where: string, flags: { readonly write?: string }) => io.lab.capture(where, flags.write)));
}

function writtenCommands(lab: Command, session: Session): void {
  const { io } = session;
  const warn = (text: string) => void session.note(`trama: ${text}`);
  define(lab, 'script', 'Write a lab as two shell scripts that need no Trama: network_setup.sh and network_delete.sh', [
    'lab script nat -o nat-scripts',
    'lab script 3x2',
  ])
    .argument('<SCENARIO>', `${source}; or a lab that is up`)
    .option('-o, --output <DIRECTORY>', 'where to', '.')
    .action(
      run(session, async (which: string, flags: { readonly output: string }) => {
        const files = await told(session, io.lab.script(which, flags.output, warn));
        await session.print(files.join('\n'));
        return 0;
      }),
    );
  define(lab, 'explain', 'Say what each step of building a lab is for, in order', [
    'lab explain nat',
    'lab explain my.yaml',
  ])
    .argument('[SCENARIO]', `${source}; or a lab that is up (default: the only one)`)
    .addOption(formatOption())
    .action(
      run(session, async (which: string | undefined, format: Format) => {
        const steps = await told(session, io.lab.explain(which, warn));
        await show(session, format, steps, explanation);
        return 0;
      }),
    );
}

interface PictureFlags {
  readonly format?: LabPicture['format'];
  readonly theme: LabPicture['theme'];
  readonly output?: string;
}

function pictureCommand(lab: Command, session: Session): void {
  const { io } = session;
  define(
    lab,
    'graph',
    'Draw a lab: hosts, bridges, containers, and the interfaces and addresses at both ends of each link',
    ['lab graph nat', 'lab graph 20x10 -o lab.svg', 'lab graph -o mermaid'],
  )
    .argument('[SCENARIO]', `${source}; or a lab that is up (default: the only one)`)
    .addOption(
      new Option('-f, --format <FORMAT>', "default: that of the file's name, else text").choices(pictureFormats),
    )
    .addOption(
      new Option('--theme <THEME>', 'colours of an SVG; auto: as whoever looks prefers them')
        .choices(pictureThemes)
        .default('auto'),
    )
    .option('-o, --output <FILE>', 'write it there; by the name of a format alone: print it so')
    .action(
      run(session, async (which: string | undefined, { format, theme, output }: PictureFlags) => {
        if (formats.some((each) => each === output))
          throw new Failure('invalid', `a picture is text, svg, mermaid or dot, not ${output}: choose one of these`);
        const printed = pictureFormats.find((each) => format === undefined && each === output);
        const picture = { theme, format: format ?? printed ?? formatOf(output), width: io.stdout.columns };
        const text = await told(
          session,
          io.lab.graph(which, picture, (warning) => void session.note(`trama: ${warning}`)),
        );
        if (output === undefined || printed !== undefined) await session.print(text);
        else await writeTo(output, text);
        return 0;
      }),
    );
}

/** @throws Failure `invalid` */
async function writeTo(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: NodeJS.ErrnoException) => {
    throw new Failure('invalid', `${file} cannot be written (${error.code}): name another file`, { cause: error });
  });
}

const endings = { svg: 'svg', mmd: 'mermaid', mermaid: 'mermaid', dot: 'dot', gv: 'dot' } as const;

function formatOf(file = ''): LabPicture['format'] {
  const ending = file.slice(file.lastIndexOf('.') + 1);
  return Object.entries(endings).find(([known]) => known === ending)?.[1] ?? 'text';
}

const explanation = (steps: readonly LabStep[]): string =>
  steps
    .map(({ sentence, commands }, at) => `${at + 1}. ${sentence}\n${commands.map((line) => `     ${line}\n`).join('')}`)
    .join('');

async function printCommands(session: Session, steps: readonly LabStep[]): Promise<number> {
  await session.print(steps.flatMap(({ commands }) => commands).join('\n'));
  return 0;
}

/** A file can be wrong in several places: a line for each. */
async function told<T>(session: Session, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const problems =
      error instanceof Error && 'problems' in error && Array.isArray(error.problems) ? error.problems : [];
    const [last] = problems.slice(-1);
    for (const problem of problems.slice(0, -1)) await session.complain(new Failure('invalid', problem));
    throw last === undefined ? error : new Failure('invalid', last);
  }
}

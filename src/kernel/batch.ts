/**
 * Runs operations in few processes: those that follow one another with one tool in one namespace go together. An error of
 * one never keeps the others from being done: `ip`, `bridge` and `tc` are told to go on, and where a tool cannot (nft changes all or
 * nothing; some errors end `ip` at once) the batch is halved until the culprit stands alone. Operations bear repetition.
 */
import { CommandFailed, type Finished, type Spawn } from '../platform/platform.ts';
import type { Operation } from './commands.ts';
import { forget } from './forget.ts';
import { argvOf, inside, switching } from './print.ts';

/** What a tool said against an operation; undefined: nothing. */
export type Complaint = string | undefined;

/** Tools that do one thing at a time. */
const oneByOne: readonly Operation['tool'][] = ['iptables', 'carrier'];

/** @returns one complaint per operation, in their order. */
export async function runOperations(operations: readonly Operation[], spawn: Spawn): Promise<Complaint[]> {
  const told: Promise<Complaint[][]>[] = [];
  for (const batches of sideBySide(batchesOf(operations))) {
    if (batches.some(([first]) => first?.tool === 'nft')) await Promise.all(told);
    const telling = Promise.all(batches.map((batch) => runBatch(batch, spawn)));
    told.push(telling);
    if (!batches.flat().every((operation) => operation.tool === 'nft' && operation.admits)) await telling;
  }
  return (await Promise.all(told)).flat(2);
}

/** More processes at once only wait for one another. */
export const atATime = 8;

/** Batches for nft in different namespaces do not depend on one another: those that follow one another run at once. */
function sideBySide(batches: readonly (readonly Operation[])[]): (readonly Operation[])[][] {
  const groups: (readonly Operation[])[][] = [];
  for (const batch of batches) {
    const group = groups.at(-1) ?? [];
    const independent = [...group, batch].every(([first]) => first?.tool === 'nft');
    const room = group.length > 0 && group.length < atATime;
    if (independent && room && !group.some(([first]) => first?.ns === batch[0]?.ns)) group.push(batch);
    else groups.push([batch]);
  }
  return groups;
}

function batchesOf(operations: readonly Operation[]): Operation[][] {
  const batches: Operation[][] = [];
  for (const operation of operations) {
    const batch = batches.at(-1);
    const first = batch?.[0];
    const joins =
      first !== undefined &&
      first.tool === operation.tool &&
      first.ns === operation.ns &&
      togetherOf(first) === togetherOf(operation);
    if (batch !== undefined && joins && !oneByOne.includes(operation.tool)) {
      batch.push(operation);
    } else batches.push([operation]);
  }
  return batches;
}

const togetherOf = (operation: Operation): string | undefined =>
  operation.tool === 'ip' ? operation.together : undefined;

async function runBatch(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[]> {
  const [first] = batch;
  if (first === undefined) return [];
  try {
    if (first.tool === 'conntrack') return await forgotten(batch, spawn);
    if (togetherOf(first) !== undefined) return await inStep(batch, spawn);
    const complaints = batchTool(first) !== undefined ? await ipBatch(batch, spawn) : await atOnce(batch, spawn);
    if (complaints !== 'halve') return complaints;
  } catch (error) {
    return batch.map(() => sayFailure(first.tool, error));
  }
  const middle = batch.length >> 1;
  return [...(await runBatch(batch.slice(0, middle), spawn)), ...(await runBatch(batch.slice(middle), spawn))];
}

async function forgotten(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[]> {
  const ports = batch.flatMap((operation) => (operation.tool === 'conntrack' ? [operation.args] : []));
  await forget(batch[0]?.ns ?? '', ports, spawn);
  return batch.map(() => undefined);
}

/** Long lists take long; nothing else of ours does. */
const timeoutMs = 60_000;

/** nft, sysctl, and what is run one by one. */
async function atOnce(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[] | 'halve'> {
  const [first] = batch;
  if (first === undefined) return [];
  const finished = await spawn({ ...invocation(first, batch), timeoutMs });
  refuseMissing(first.tool, finished);
  if (finished.code === 0) return batch.map(() => undefined);
  return batch.length > 1 ? 'halve' : [spoken(finished)];
}

/** nft repeats the statement and underlines a part of it; its first line says what is wrong. */
function spoken({ stderr, code }: Finished): string {
  const [line = ''] = stderr.split('\n').filter((line) => line.includes('Error: ') || !/^\s*\^/.test(line));
  return line.replace(/^\S*: Error: /, '').trim() || `ended with code ${code}`;
}

function invocation(first: Operation, batch: readonly Operation[]) {
  if (first.tool === 'nft') {
    const text = batch.flatMap((operation) => (operation.tool === 'nft' ? operation.statements : []));
    return { argv: inside(first.ns, ['nft', '-f', '-']), input: `${text.join('\n')}\n` };
  }
  if (first.tool === 'sysctl') {
    const settings = batch.flatMap((operation) => (operation.tool === 'sysctl' ? operation.args.slice(1) : []));
    return { argv: inside(first.ns, ['sysctl', '-w', ...settings]) };
  }
  return { argv: argvOf(first) };
}

/** The tool of iproute2 whose batch takes the operation. */
function batchTool({ tool }: Operation): 'ip' | 'bridge' | 'tc' | undefined {
  if (tool === 'netns') return 'ip';
  return tool === 'ip' || tool === 'bridge' || tool === 'tc' ? tool : undefined;
}

async function ipBatch(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[] | 'halve'> {
  const [first] = batch;
  const tool = first && batchTool(first);
  if (first === undefined || tool === undefined) return [];
  const lines = linesOf(batch);
  const finished = await spawn({
    argv: switching(tool, first.ns, ['-force', '-batch', '-']),
    input: `${lines.map(({ text }) => text).join('\n')}\n`,
    timeoutMs,
  });
  refuseMissing(first.tool, finished);
  const { byLine, rest } = readBatchErrors(finished);
  if (rest !== undefined) return batch.length > 1 ? 'halve' : [rest];
  const complaints: Complaint[] = batch.map(() => undefined);
  lines.forEach(({ operations }, index) => {
    const complaint = byLine.get(index + 1);
    for (const operation of operations) complaints[operation] ??= complaint;
  });
  return complaints;
}

/** After the first that fails nothing more is done: each counts on those before. Then those that are only tried. */
async function inStep(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[]> {
  const isTried = (operation: Operation) => operation.tool === 'ip' && operation.tried === true;
  const counted = batch.filter((operation) => !isTried(operation));
  const finished = await spawn({
    argv: switching('ip', batch[0]?.ns ?? '', ['-batch', '-']),
    input: `${counted.map((operation) => (operation.tool === 'ip' ? operation.args.join(' ') : '')).join('\n')}\n`,
    timeoutMs,
  });
  refuseMissing('ip', finished);
  if (finished.code !== 0) {
    const [said = `ended with code ${finished.code}`] = finished.stderr
      .split('\n')
      .filter((line) => line.trim() !== '');
    // Some errors end it without the number of the line.
    const line = /^Command failed -:(\d+)$/m.exec(finished.stderr)?.[1];
    const culprit = line === undefined ? undefined : counted[Number(line) - 1];
    const told = culprit?.tool === 'ip' ? `${said} (ip ${culprit.args.join(' ')})` : said;
    return batch.map((operation) => (operation === (culprit ?? counted[0]) ? told : undefined));
  }
  const rest = batch.filter(isTried);
  const complaints = await runTried(rest, spawn);
  return batch.map((operation) => complaints[rest.indexOf(operation)]);
}

async function runTried(batch: readonly Operation[], spawn: Spawn): Promise<Complaint[]> {
  const complaints = await ipBatch(batch, spawn);
  if (complaints !== 'halve') return complaints;
  const middle = batch.length >> 1;
  return [...(await runTried(batch.slice(0, middle), spawn)), ...(await runTried(batch.slice(middle), spawn))];
}

/**
 * The kernel waits for a grace period per deletion, about 20 ms, but only once for a whole group: links that are deleted
 * together are put into a group that nobody else uses ("tram" as a number) and deleted as that.
 */
const deletionGroup = '1953653101';

function linesOf(batch: readonly Operation[]): { text: string; operations: number[] }[] {
  const argsOf = (index: number) => {
    const operation = batch[index];
    return operation === undefined || operation.tool === 'nft' ? [] : operation.args;
  };
  const deletes = (index: number) => argsOf(index)[0] === 'link' && argsOf(index)[1] === 'del';
  const lines: { text: string; operations: number[] }[] = [];
  for (let index = 0; index < batch.length; index += 1) {
    if (!deletes(index) || !deletes(index + 1)) {
      lines.push({ text: argsOf(index).join(' '), operations: [index] });
      continue;
    }
    const group: number[] = [];
    for (; deletes(index); index += 1) {
      lines.push({ text: `link set dev ${argsOf(index).at(-1) ?? ''} group ${deletionGroup}`, operations: [index] });
      group.push(index);
    }
    index -= 1;
    lines.push({ text: `link del group ${deletionGroup}`, operations: group });
  }
  return lines;
}

/** `rest`: what was said by an error that ended the batch at once, after which lines were not run. */
function readBatchErrors(finished: Finished): { byLine: Map<number, string>; rest?: string } {
  const byLine = new Map<number, string>();
  if (finished.code === 0) return { byLine };
  let said: string[] = [];
  for (const line of finished.stderr.split('\n')) {
    const number = /^Command failed -:(\d+)$/.exec(line)?.[1];
    if (number === undefined) {
      if (line.trim() !== '') said.push(line.trim());
      continue;
    }
    byLine.set(Number(number), said.join('; ') || 'failed without a word');
    said = [];
  }
  if (said.length > 0 || byLine.size === 0)
    return { byLine, rest: said.join('; ') || `ended with code ${finished.code}` };
  return { byLine };
}

const packages = {
  ip: 'iproute2',
  netns: 'iproute2',
  carrier: 'iproute2',
  bridge: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
  conntrack: 'conntrack',
  iptables: 'iptables',
  sysctl: 'procps',
};

function missing(tool: Operation['tool']): string {
  const binary = ['netns', 'carrier'].includes(tool) ? 'ip' : tool;
  return `${binary} is not installed: apt-get install ${packages[tool]}`;
}

/** `nsenter` says that a tool is missing in its own way. */
function refuseMissing(tool: Operation['tool'], finished: Finished): void {
  if (finished.code === 127 && finished.stderr.includes('failed to execute')) throw new Error(missing(tool));
}

function sayFailure(tool: Operation['tool'], error: unknown): string {
  if (error instanceof CommandFailed && error.message.includes('is not installed')) {
    return error.argv[0] === 'nsenter' ? 'nsenter is not installed: apt-get install util-linux' : missing(tool);
  }
  return error instanceof Error ? error.message : String(error);
}

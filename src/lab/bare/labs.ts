/** The labs that there are: by name, with what `set` has changed, and a node or a cable of one by the words of a person. */

import { DocumentRefused, either, nearest } from '../../documents/problems.ts';
import { Failure } from '../../domain/domain.ts';
import { endName, type LabModel, type LabNode, nodeOf } from '../topology/model.ts';
import { isAgents } from '../topology/real.ts';
import { labNames, namespacesOf } from './down.ts';
import { type Changes, isAlive, type LabRecord, readRecord } from './records.ts';
import { load } from './sources.ts';

export type LabStatus = 'up' | 'building' | 'broken';

export interface FoundLab {
  readonly name: string;
  readonly status: LabStatus;
  /** Absent: nothing tells how it was built. */
  readonly record?: LabRecord;
  /** As its file says; absent: there is no record, or this version of Trama refuses that file. */
  readonly model?: LabModel;
  readonly namespaces: readonly string[];
}

/** Every lab of which there is anything. */
export async function labs(): Promise<FoundLab[]> {
  return Promise.all((await labNames()).map(find));
}

async function find(name: string): Promise<FoundLab> {
  const [record, namespaces] = [await readRecord(name), await namespacesOf(name)];
  if (record === undefined) return { name, status: 'broken', namespaces };
  const model = modelOf(record);
  const status = await statusOf(record, model, namespaces);
  return { name, status, record, namespaces, ...(model === undefined ? {} : { model }) };
}

function modelOf({ source }: LabRecord): LabModel | undefined {
  try {
    return load(source).model;
  } catch (error) {
    if (error instanceof DocumentRefused) return undefined;
    throw error;
  }
}

async function statusOf(
  record: LabRecord,
  model: LabModel | undefined,
  namespaces: readonly string[],
): Promise<LabStatus> {
  if (record.state === 'building') return (await isAlive(record)) ? 'building' : 'broken';
  if (model === undefined) return 'broken';
  const there = new Set(namespaces);
  const whole = model.nodes.every(({ namespace }) => there.has(namespace)) && (await machinesRun(model));
  return whole ? 'up' : 'broken';
}

async function machinesRun(model: LabModel): Promise<boolean> {
  const nodes = model.nodes.filter(({ runs }) => runs.length > 0);
  if (nodes.length === 0) return true;
  const [{ placeOf }, { findPower }] = await Promise.all([import('../machines/places.ts'), import('../machine.ts')]);
  return Promise.all(nodes.map((node) => findPower(placeOf(model.name, node), node.name))).then(
    () => true,
    () => false,
  );
}

export interface RunningLab {
  readonly model: LabModel;
  readonly record: LabRecord;
}

/** A lab that is up; without a name the only one. @throws Failure */
export async function runningLab(name?: string): Promise<RunningLab> {
  const all = await labs();
  const up = all.filter(({ status, record }) => status === 'up' && record !== undefined);
  const record = (name === undefined ? onlyOne(up) : up.find((lab) => lab.name === name))?.record;
  if (record !== undefined) return { record, model: changed(load(record.source).model, record.changes) };
  const other = all.find((lab) => lab.name === name);
  if (other?.status === 'building') throw new Failure('unavailable', `lab ${name} is being built: wait for it`);
  if (other !== undefined) {
    throw new Failure(
      'unavailable',
      `lab ${name} is not whole: take it down with \`trama lab down ${name}\`, and up again`,
    );
  }
  throw new Failure('not-found', `there is no lab ${name}: \`trama lab ls\` shows those that there are`);
}

function onlyOne(up: readonly FoundLab[]): FoundLab {
  const [first, second] = up;
  if (first === undefined)
    throw new Failure('not-found', 'no lab is up: begin with `trama lab up bridge`, for example');
  if (second === undefined) return first;
  throw new Failure('invalid', `several labs are up: name one, ${either(up.map(({ name }) => name))}`);
}

/** `NODE`, or `LAB/NODE`. @throws Failure */
export async function findNode(word: string): Promise<RunningLab & { readonly node: LabNode }> {
  const [lab, name] = word.includes('/')
    ? [word.slice(0, word.indexOf('/')), word.slice(word.indexOf('/') + 1)]
    : [undefined, word];
  const running = lab === undefined ? await labWith(name) : await runningLab(lab);
  const node = nodeOf(running.model, name);
  if (node !== undefined) return { ...running, node };
  const names = running.model.nodes.map((one) => one.name);
  const meant = nearest(name, names);
  const fix =
    meant === undefined
      ? `there are ${either(names.slice(0, 12))}${names.length > 12 ? ' …' : ''}`
      : `did you mean ${meant}?`;
  throw new Failure('not-found', `lab ${running.model.name} has no node ${name}: ${fix}`);
}

/** The only lab that is up, or the only one with such a node. */
async function labWith(node: string): Promise<RunningLab> {
  const up = (await labs()).filter(({ status }) => status === 'up');
  if (up.length < 2) return runningLab();
  const running = await Promise.all(up.map(({ name }) => runningLab(name)));
  const having = running.filter(({ model }) => nodeOf(model, node) !== undefined);
  const [first, second] = having;
  if (first !== undefined && second === undefined) return first;
  const named = (having.length > 0 ? having : running).map(({ model }) => `${model.name}/${node}`);
  throw new Failure('invalid', `several labs are up: write ${either(named)}`);
}

/** An interface of a node, `[LAB/]NODE:INTERFACE`, also one that the lab has not made. @throws Failure */
export async function findPort(word: string): Promise<RunningLab & { readonly node: LabNode; readonly port: string }> {
  const at = word.lastIndexOf(':');
  const found = at < 1 ? undefined : await findNode(word.slice(0, at));
  if (found !== undefined && (found.node.real !== undefined || found.node.runs.length > 0))
    return { ...found, port: word.slice(at + 1) };
  return findCable(word);
}

/** Index of the cable that is named by one of its ends, `[LAB/]NODE:INTERFACE`. @throws Failure */
export async function findCable(
  word: string,
): Promise<RunningLab & { readonly cable: number; readonly node: LabNode; readonly port: string }> {
  const at = word.lastIndexOf(':');
  if (at < 1)
    throw new Failure(
      'invalid',
      `${JSON.stringify(word.slice(0, 60))} is no link: write one of its ends, like h1:eth1`,
    );
  const found = await findNode(word.slice(0, at));
  const port = word.slice(at + 1);
  const cable = found.model.cables.findIndex(({ ends }) =>
    ends.some((end) => end.node === found.node.name && end.port === port),
  );
  if (cable >= 0) return { ...found, cable, port };
  throw new Failure('not-found', noLink(found.model, found.node, port));
}

/** Interfaces that Docker or Trama have made in containers and on machines are no links of the lab. */
function noLink({ cables, nodes }: LabModel, node: LabNode, port: string): string {
  const word = endName({ node: node.name, port });
  const all = cables.flatMap(({ ends }) => ends);
  const own = all.filter((end) => end.node === node.name);
  if (all.length === 0) return `no link ends at ${word}: the lab has none`;
  if (node.real === undefined && node.runs.length === 0)
    return own.length === 0
      ? `no link ends at ${word}: ${node.name} has none`
      : `no link ends at ${word}: there are ${either(own.map(endName))}`;
  const near = [own, all.filter((end) => end.node === node.host), all].find((some) => some.length > 0) ?? [];
  const named = near.slice(0, 12).map(endName);
  const maker = nodes.some(isAgents) ? 'Docker and Trama' : 'Docker';
  return `${word} is no link of the lab's own, and what ${maker} made is not changed: name ${either(named)}`;
}

/** The model as `set` has left it. */
export function changed(model: LabModel, changes: Changes): LabModel {
  const cables = model.cables.map((cable, at) => {
    const { rate = cable.rate ?? null, loss = cable.loss, up = cable.up } = changes[at] ?? {};
    const { rate: _was, ...rest } = cable;
    return { ...rest, loss, up, ...(rate === null ? {} : { rate }) };
  });
  return { ...model, cables };
}

/** Forms: to launch a container, and to make a network. Pure. */
import { checkImage } from '../../../domain/image.ts';
import { checkContainerName, checkNewNetworkName } from '../../../domain/names.ts';
import { parseNetworkSubnet } from '../../../domain/network-rules.ts';
import { parsePublishedPorts } from '../../../domain/run-options.ts';
import { formatSubnet } from '../../../domain/subnet.ts';
import { clause } from '../../cli/text.ts';
import type { Key } from '../keys.ts';
import type { Change, Field, Form, State, Step } from '../state.ts';
import { closed, only, withOverlay } from './go.ts';
import { askingRegistry, noImages, offeredImages } from './images.ts';
import { edited } from './text-input.ts';

const text = (id: Field['id'], value = ''): Field => ({ id, kind: 'text', value });

const runMs = 120_000;

/** Where most would go: the node that one looks at, the only network there is. */
export function launchForm({ data }: State, node: string, network: string): Form {
  const known = data.networks.some(({ name }) => name === network) ? network : (data.networks[0]?.name ?? '');
  return {
    ...{ kind: 'form', form: 'launch', first: false, focus: 0, problem: '', images: noImages },
    fields: [
      { id: 'node', kind: 'choice', value: node },
      text('image'),
      { id: 'network', kind: 'choice', value: known },
      text('ports'),
      text('name'),
      text('command'),
    ],
  };
}

export const networkForm = (first: boolean, subnet: string): Form => ({
  ...{ kind: 'form', form: 'network', first, focus: 0, problem: '', images: noImages },
  fields: [text('name', first ? 'app' : ''), text('subnet', subnet)],
});

/** A free segment has come: nobody's typing is overwritten. */
export function offered(form: Form, subnet: string): Form {
  return {
    ...form,
    fields: form.fields.map((field) =>
      field.id === 'subnet' && field.value === '' ? { ...field, value: subnet } : field,
    ),
  };
}

/** What a choice may be, in the order in which it is shown; '' leaves it to the cluster. */
export function optionsOf({ data }: State, { id }: Field): readonly string[] {
  if (id === 'node') return ['', ...data.nodes.filter(({ status }) => status === 'ready').map(({ name }) => name)];
  return [...data.networks.map(({ name }) => name), ''];
}

export function formKey(state: State, form: Form, key: Key): Step {
  const field = form.fields[form.focus];
  if (field === undefined || key.kind === 'click') return only(state);
  const keep = (change: Partial<Form>) => only(withOverlay(state, { ...form, problem: '', ...change }));
  const towards = (by: number) => keep({ focus: (form.focus + by + form.fields.length) % form.fields.length });
  if (field.id === 'image') {
    const step = imageKey(state, form, key);
    if (step !== undefined) return step;
  }
  if (key.kind === 'named') {
    if (key.name === 'escape' || key.name === 'ctrl-c') return only(closed(state));
    if (key.name === 'tab') return towards(1);
    if (key.name === 'shift-tab') return towards(-1);
    if (key.name === 'enter') return form.focus === form.fields.length - 1 ? submitted(state, form) : towards(1);
    if (key.name === 'up' || key.name === 'down') {
      const by = key.name === 'up' ? -1 : 1;
      return field.kind === 'choice' ? keep({ fields: valued(form, chosen(state, field, by)) }) : towards(by);
    }
  }
  return field.kind === 'choice' ? only(state) : keep({ fields: valued(form, edited(field.value, key)) });
}

/** Arrows go through what is offered, Enter and Tab take it; @returns undefined for what any field does with the key */
function imageKey(state: State, form: Form, key: Exclude<Key, { kind: 'click' }>): Step | undefined {
  const { index } = form.images;
  const offers = offeredImages(form);
  const at = (next: number) => only(withOverlay(state, { ...form, images: { ...form.images, index: next } }));
  if (key.kind === 'named') {
    if (key.name === 'down' && index < offers.length - 1) return at(index + 1);
    if (key.name === 'up' && index >= 0) return at(index - 1);
    const chosen = offers[index];
    if (chosen === undefined || (key.name !== 'enter' && key.name !== 'tab')) {
      if (!['backspace', 'delete', 'ctrl-u', 'ctrl-w'].includes(key.name)) return undefined;
    } else {
      const images = { ...form.images, index: -1 };
      return only(
        withOverlay(state, { ...form, problem: '', images, fields: valued(form, chosen.name), focus: form.focus + 1 }),
      );
    }
  }
  const typed = valued(form, edited(form.fields[form.focus]?.value ?? '', key));
  const next = askingRegistry({ ...form, problem: '', fields: typed, images: { ...form.images, index: -1 } });
  return only(withOverlay(state, next.form), ...next.effects);
}

const valued = ({ fields, focus }: Form, value: string): readonly Field[] =>
  fields.map((field, at) => (at === focus ? { ...field, value } : field));

function chosen(state: State, field: Field, by: number): string {
  const options = optionsOf(state, field);
  const at = options.indexOf(field.value);
  return options[Math.max(0, Math.min(options.length - 1, at + by))] ?? '';
}

function submitted(state: State, form: Form): Step {
  const { say } = state.settings;
  const values = Object.fromEntries(form.fields.map(({ id, value }) => [id, value.trim()]));
  const problem = (reason: string, id: Field['id']) =>
    only(withOverlay(state, { ...form, problem: reason, focus: form.fields.findIndex((field) => field.id === id) }));
  if (form.form === 'launch' && values.image === '') return problem(say('form.needs-image'), 'image');
  if (form.form === 'network' && values.name === '') return problem(say('form.needs-name'), 'name');
  let at: Field['id'] = 'command';
  const check = <T>(id: Field['id'], rule: (value: string) => T): T | undefined => {
    at = id;
    const value = values[id] ?? '';
    return value === '' ? undefined : rule(value);
  };
  try {
    const change = form.form === 'launch' ? launch(values, check, say('form.unfinished-quote')) : network(check);
    return only(closed(state), change);
  } catch (error) {
    return problem(state.settings.tell(clause(error instanceof Error ? error.message : String(error))), at);
  }
}

type Check = <T>(id: Field['id'], rule: (value: string) => T) => T | undefined;

function launch(values: Readonly<Record<string, string>>, check: Check, unfinished: string): Change<'workload.run'> {
  const { node = '', network: name = '' } = values;
  const image = check('image', checkImage) ?? '';
  const ports = check('ports', (all) => all.split(/[\s,]+/).flatMap(parsePublishedPorts)) ?? [];
  const container = check('name', checkContainerName);
  const command = check('command', (line) => splitCommand(line, unfinished)) ?? [];
  return {
    kind: 'change',
    method: 'workload.run',
    params: {
      ...(container === undefined ? {} : { name: container }),
      ...(node === '' ? {} : { node }),
      spec: {
        ...{ image, command, env: [], ports, restart: 'unless-stopped', tty: false, stdin: false, labels: {} },
        networks: name === '' ? [] : [{ network: name, aliases: [] }],
      },
    },
    deadlineMs: runMs,
    done: { key: 'done.launch' },
  };
}

function network(check: Check): Change<'network.create'> {
  const name = check('name', checkNewNetworkName) ?? '';
  const subnet = check('subnet', (cidr) => formatSubnet(parseNetworkSubnet(cidr)));
  return {
    kind: 'change',
    method: 'network.create',
    params: { name, ...(subnet === undefined ? {} : { subnet }) },
    done: { key: 'done.network' },
  };
}

/** Words as a shell takes them, with quotes and backslashes; nothing else of it. @throws Error with `unfinished` */
export function splitCommand(line: string, unfinished: string): string[] {
  const words = [...line.matchAll(/((?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+)|(["'\\])/g)];
  return words.map(([, word, broken]) => {
    if (word === undefined || broken !== undefined) throw new Error(unfinished);
    return word.replace(
      /\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
      (_, escaped?: string, double?: string, single?: string) => {
        return escaped ?? double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? '';
      },
    );
  });
}

/** Forms, questions and help, in place of the body. Pure. */
import { percent, printable } from '../../cli/text.ts';
import { shownKey } from '../control/binding.ts';
import { optionsOf } from '../control/forms.ts';
import { offeredImages, shownRegistry } from '../control/images.ts';
import { gauge } from '../glyphs.ts';
import { fitted, type Line, padded, span } from '../line.ts';
import { statusWord } from '../lists/containers.ts';
import { usage } from '../lists/networks.ts';
import { memoryShare } from '../lists/nodes.ts';
import type { Field, Form, Help, Question, State } from '../state.ts';
import type { StringKey } from '../strings/strings.ts';
import { bindingsOf } from '../update.ts';
import { wrappedWords } from './words.ts';

const labelWidth = 11;

export function drawForm(state: State, form: Form, height: number): Line[] {
  const { say } = state.settings;
  const title = form.first ? 'form.first-network' : form.form === 'launch' ? 'form.launch' : 'form.network';
  const fields = form.fields.map((field, at) => drawField(state, field, at === form.focus));
  const current = form.fields[form.focus];
  const room = height - fields.length - 6;
  const options =
    current?.kind === 'choice'
      ? drawOptions(state, current, room)
      : current?.id === 'image'
        ? drawImages(state, form, room)
        : [];
  return [
    [],
    ...wrappedWords(say(title), state.columns - 4).map((text): Line => [span(`  ${text}`, 'strong')]),
    [],
    ...fields,
    ...below(state, form),
    ...options,
  ].map((line) => fitted(line, state.columns));
}

/** What is wrong, or how it is written. */
function below({ settings, columns }: State, form: Form): Line[] {
  const { problem, fields, focus } = form;
  if (problem !== '') return wrappedWords(problem, columns - 4).map((text): Line => [span(`  ${text}`, 'bad')]);
  const field = fields[focus];
  const registry = field?.id === 'image' ? shownRegistry(form) : undefined;
  if (registry?.state === 'asked')
    return [[span(`  ${settings.say('image.asking', { registry: registry.registry })}`, 'dim')]];
  if (registry?.state === 'failed')
    return wrappedWords(settings.tell(registry.why), columns - 4).map((text): Line => [span(`  ${text}`, 'warn')]);
  const hint = field && hintOf(field);
  return [hint === undefined ? [] : [span(`  ${settings.say(hint)}`, 'dim')]];
}

function drawField(state: State, field: Field, isHere: boolean): Line {
  const { say, glyphs } = state.settings;
  const label = padded(say(`field.${field.id}`), labelWidth);
  const shown = field.kind === 'choice' && field.value === '' ? leftOpen(state, field) : field.value;
  const room = Math.min(50, state.columns - labelWidth - 8);
  // What is typed last is seen.
  const typed = [...shown].slice(-(room - 1)).join('');
  return [
    span(isHere ? `${glyphs.pointer} ` : '  ', isHere ? 'accent' : 'plain'),
    span(label, isHere ? 'strong' : 'plain'),
    span(` ${padded(`${typed}${isHere && field.kind === 'text' ? '_' : ''}`, room)} `, isHere ? 'select' : 'plain'),
  ];
}

const leftOpen = ({ settings }: State, { id }: Field): string =>
  settings.say(id === 'node' ? 'choice.any-node' : 'choice.no-network');

function hintOf({ id, kind }: Field): StringKey | undefined {
  if (kind === 'choice') return 'hint.choose';
  return id === 'ports' || id === 'image' || id === 'command' || id === 'subnet' ? `hint.${id}` : undefined;
}

/** What there is to choose from, with how it is. */
function drawOptions(state: State, field: Field, height: number): Line[] {
  const options = optionsOf(state, field);
  const at = Math.max(0, options.indexOf(field.value));
  const room = Math.max(1, height);
  const top = Math.max(0, Math.min(at - (room >> 1), options.length - room));
  return options.slice(top, top + room).map((option, i): Line => {
    const isHere = top + i === at;
    const text = option === '' ? leftOpen(state, field) : padded(option, 14);
    const details = option === '' ? '' : field.id === 'node' ? nodeLoad(state, option) : networkRoom(state, option);
    return [
      span(isHere ? `  ${state.settings.glyphs.pointer} ` : '    ', 'accent'),
      span(`${text}  `, isHere ? 'select' : 'plain'),
      span(details),
    ];
  });
}

/** As many as there is room for, around the one that one is on. */
function drawImages({ settings }: State, form: Form, height: number): Line[] {
  const offers = offeredImages(form);
  const { index } = form.images;
  const room = Math.max(1, height);
  const top = Math.max(0, Math.min(index - (room >> 1), offers.length - room));
  return offers.slice(top, top + room).map(({ name, nodes }, i): Line => {
    const isHere = top + i === index;
    return [
      span(isHere ? `  ${settings.glyphs.pointer} ` : '    ', 'accent'),
      span(`${printable(name)}  `, isHere ? 'select' : 'plain'),
      span(nodes.join(' '), 'dim'),
    ];
  });
}

function nodeLoad({ data, settings }: State, name: string): string {
  const { say, glyphs } = settings;
  const node = data.nodes.find((one) => one.name === name);
  if (node === undefined) return '';
  const bar = (share: number | undefined) =>
    share === undefined ? '' : `${gauge(share, 6, glyphs)} ${percent(share).padStart(4)}`;
  const loads = `${say('column.cpu')} ${bar(node.cpu ?? undefined)}  ${say('column.memory')} ${bar(memoryShare(node))}`;
  const count = data.containers.filter((one) => one.node === name).length;
  const containers = count === 1 ? say('count.containers.one') : say('count.containers.many', { count });
  return `${padded(statusWord(node.status, say), 6)} ${loads}  ${containers}`;
}

function networkRoom({ data, settings }: State, name: string): string {
  const network = data.networks.find((one) => one.name === name);
  if (network === undefined) return '';
  const { say } = settings;
  return `${padded(network.driver, 8)} ${padded(network.subnet, 18)} ${say('column.free')} ${usage(network).free}`;
}

export function drawQuestion(state: State, question: Question): Line[] {
  const { say } = state.settings;
  const width = state.columns - 4;
  const text = wrappedWords(question.text, width).map((words): Line => [span(`  ${words}`, 'strong')]);
  const others =
    question.others.length === 0
      ? []
      : [
          [],
          ...wrappedWords(say('ask.force', { names: question.others.join(' ') }), width).map(
            (words): Line => [span(`  ${words}`, 'warn')],
          ),
          [span(`  ${say(question.force ? 'ask.force.on' : 'ask.force.off')}`)],
        ];
  const answer: Line =
    question.word === undefined
      ? [span(`  ${say('ask.yes-no')}`, 'accent')]
      : [
          span(`  ${say('ask.type')}`),
          span(`${question.word} `, 'accent'),
          span(` ${question.typed}_ `, question.typed === question.word ? 'select' : 'strong'),
        ];
  return [[], ...text, ...others, [], answer].map((line) => fitted(line, state.columns));
}

export function drawHelp(state: State, help: Help, height: number): Line[] {
  const { say } = state.settings;
  const keys = bindingsOf(state).map(({ keys: all, does, column }) => {
    const names = all.filter((id) => !id.startsWith('wheel')).map((id) => shownKey(id, say));
    return { names: names.join(' '), does: column === undefined ? say(does) : say(does, { column: say(column) }) };
  });
  const joined = [...Map.groupBy(keys, ({ does }) => does)].map(([does, same]) => ({
    does,
    names: [...new Set(same.flatMap(({ names }) => names.split(' ')))].join(' '),
  }));
  const plain = (key: StringKey): Line => [span(`  ${say(key)}`)];
  const lines: Line[] = [
    [span(` ${say('help.title')}`, 'strong')],
    [],
    [span(`  ${say('help.keys')}`, 'accent')],
    ...joined.map(({ names, does }): Line => [span(`  ${padded(names, 38)}`, 'strong'), span(does)]),
    [],
    [span(`  ${say('help.filter')}`, 'accent')],
    ...(['plain', 'inverse', 'column', 'label', 'all'] as const).map((what) => plain(`help.filter.${what}`)),
    [],
    plain('help.range'),
  ];
  const top = Math.max(0, Math.min(help.top, lines.length - height));
  return lines.slice(top, top + height).map((line) => fitted(line, state.columns));
}

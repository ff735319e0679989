/** Does what the console wants done, and tells it what has come of it. */
import type { Api } from '../../../protocol/api.ts';
import type { Result } from '../../../protocol/methods.ts';
import type { ImagesOfNode } from '../../../protocol/views.ts';
import { clause } from '../../cli/text.ts';
import type { Change, Effect, Happening, ImageOption, KnownRegistry, Said } from '../state.ts';
import type { Values } from '../strings/strings.ts';
import { Logs, saveLog } from './logs.ts';

export interface PerformOptions {
  readonly api: Api;
  readonly dispatch: (happening: Happening) => void;
  readonly readOnly: boolean;
  write(text: string): void;
  quit(): void;
  redraw(): void;
  mouse(on: boolean): void;
  /** @returns a sentence, if there was none. @throws Failure */
  shell(reference: string, name: string, node: string): Promise<string | undefined>;
}

export type Perform = (effect: Effect) => void;

export function performer(options: PerformOptions): Perform {
  const { api, dispatch } = options;
  const logs = new Logs(api, dispatch);
  const say = (said: Said, bad = false) => dispatch({ kind: 'said', said, bad });
  const fail = (error: unknown) =>
    say({ key: 'failed', values: { why: clause(error instanceof Error ? error.message : String(error)) } }, true);
  const attempt = (work: Promise<unknown>) => void work.catch(fail);
  const executors: { readonly [K in Effect['kind']]: (effect: Extract<Effect, { kind: K }>) => void } = {
    quit: () => options.quit(),
    redraw: () => options.redraw(),
    mouse: ({ on }) => options.mouse(on),
    change: (effect) => attempt(change(options, effect).then(say)),
    offer: () => attempt(offer(api).then((subnet) => dispatch({ kind: 'offered', subnet }))),
    // Who may not see them, or asks an older server, types a name.
    images: () =>
      void localImages(api).then(
        (images) => dispatch({ kind: 'images', images }),
        () => {},
      ),
    registry: ({ registry, node }) =>
      void ofRegistry(api, registry, node).then((known) => dispatch({ kind: 'registry', registry, node, known })),
    'open-logs': ({ stream, reference, range }) => attempt(logs.open(stream, reference, range)),
    'close-logs': () => logs.close(),
    'save-logs': ({ reference, range, timestamps, path }) => {
      say({ key: 'doing.save', values: { path } });
      attempt(
        saveLog(api, reference, range, timestamps, path).then((count) =>
          say({ key: 'done.save', values: { count, path } }),
        ),
      );
    },
    shell: ({ reference, name, node }) =>
      attempt(
        options.shell(reference, name, node).then((why) => {
          if (why !== undefined) say({ key: 'shell.none', values: { name, why: clause(why) } }, true);
        }),
      ),
    copy({ text }) {
      // OSC 52: the terminal's clipboard, also from afar.
      options.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
      say({ key: 'done.copy', values: { text } });
    },
  };
  return (effect) => (executors[effect.kind] as (one: Effect) => void)(effect);
}

/** A read-only console sends no request that changes anything, whatever its keys may do. */
async function change({ api, readOnly }: PerformOptions, { method, params, deadlineMs, done }: Change): Promise<Said> {
  if (readOnly) return { key: 'failed.read-only' };
  const result = await api.call(method, params, deadlineMs === undefined ? {} : { deadlineMs });
  return { key: done.key, values: { ...named(result), ...done.values } };
}

/** What a result is called and where it is. */
function named(result: unknown): Values {
  const fields = Object.entries((result ?? {}) as Record<string, unknown>);
  return Object.fromEntries(fields.filter((field): field is [string, string] => typeof field[1] === 'string'));
}

/** Somebody waits with a form open. Milliseconds. */
const imagesMs = 8000;
const registryMs = 20_000;

async function localImages(api: Api): Promise<ImageOption[]> {
  const all = (await api.call('image.list', {}, { deadlineMs: imagesMs })) as ImagesOfNode[];
  const found = all.flatMap(({ node, images }) => images.map(({ name }) => ({ name, node })));
  return [...Map.groupBy(found, ({ name }) => name)]
    .map(([name, same]) => ({ name, nodes: same.map(({ node }) => node) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Never rejects: what went wrong is what is known. */
async function ofRegistry(api: Api, registry: string, node: string): Promise<KnownRegistry> {
  try {
    const params = { registry, ...(node === '' ? {} : { node }) };
    const { repositories } = (await api.call('registry.list', params, {
      deadlineMs: registryMs,
    })) as Result<'registry.list'>;
    const names = repositories.flatMap(({ name, tags }) => tags.map((tag) => `${registry}/${name}:${tag}`));
    return { state: 'known', names, why: '' };
  } catch (error) {
    return { state: 'failed', names: [], why: clause(error instanceof Error ? error.message : String(error)) };
  }
}

async function offer(api: Api): Promise<string> {
  const made = (await api.call('network.create', { name: 'app', dryRun: true })) as { subnet: string };
  return made.subnet;
}

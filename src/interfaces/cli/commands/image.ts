/** `image ls`: what can be run without asking anybody, and what registries have. */
import { type Command, Option } from 'commander';
import { checkRegistry, checkRepository } from '../../../domain/image.ts';
import { checkNodeName } from '../../../domain/names.ts';
import type { Result } from '../../../protocol/methods.ts';
import { define, type Format, formatOption, run, textOf, type Width, wholeLines, widthOf } from '../define.ts';
import { loginHere } from '../registry-login.ts';
import type { Session } from '../session.ts';
import { age, size, table } from '../text.ts';
import { UsageError, usage } from '../usage.ts';
import type { Look } from '../views.ts';

interface ImageFlags extends Format, Width {
  readonly node?: string;
  readonly registry?: string;
  readonly registryAuth?: boolean;
  readonly quiet?: boolean;
}

/** A registry with hundreds of repositories is asked for each of them. Milliseconds. */
const registryMs = 30_000;

export function imageCommands(program: Command, session: Session): void {
  const image = program.command('image').description('Images that there are to run');
  define(image, 'ls', 'List images of the nodes, or repositories and tags of a registry', [
    'image ls',
    'image ls --node h1 -o json',
    'image ls --registry registry.example.org:5000',
    'image ls --registry docker.io library/nginx',
    'image ls -q --registry 10.0.0.9:5000',
  ])
    .addOption(
      new Option('--node <NODE>', 'only on this node; a registry is asked from there').argParser(usage(checkNodeName)),
    )
    .addOption(
      new Option('--registry <HOST[:PORT]>', 'what this registry has; docker.io with a repository').argParser(
        usage(checkRegistry),
      ),
    )
    .option('--registry-auth', "show the registry this host's docker login, not the node's")
    .option('-q, --quiet', 'only names, as `run` takes them')
    .addOption(wholeLines())
    .addOption(formatOption())
    .argument('[REPOSITORY]', 'of the registry, with all its tags', usage(checkRepository))
    .action(
      run(session, (repository: string | undefined, flags: ImageFlags) => {
        if (flags.registry !== undefined) return ofRegistry(session, flags.registry, repository, flags);
        if (repository !== undefined || flags.registryAuth)
          throw new UsageError('a repository is of a registry: name it with --registry');
        return ofNodes(session, flags);
      }),
    );
}

interface ImageShown {
  readonly name: string;
  readonly id: string;
  readonly size: number;
  readonly createdAt: number;
  readonly nodes: readonly string[];
}

/** Of one name there may be different images. */
async function ofNodes(session: Session, flags: ImageFlags): Promise<number> {
  const { node } = flags;
  const all = await session.ask('image.list', node === undefined ? {} : { node });
  const found = all.flatMap((one) => one.images.map((image) => ({ ...image, node: one.node })));
  const shown = [...Map.groupBy(found, ({ name, id }) => `${name} ${id}`).values()].flatMap((same): ImageShown[] => {
    const [first] = same;
    if (first === undefined) return [];
    const { node: _, ...image } = first;
    return [{ ...image, nodes: same.map((each) => each.node) }];
  });
  shown.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const text = flags.quiet
    ? lines([...new Set(shown.map(({ name }) => name))])
    : await textOf(flags.output, shown, (images, wide) =>
        imageTable(images, session.io.now(), { wide, ...widthOf(session, flags) }),
      );
  await session.io.stdout.write(text);
  for (const { node: name, missing } of all)
    if (missing !== undefined) await session.note(`trama: ${name}: ${missing}`);
  return all.some(({ missing }) => missing !== undefined) ? 1 : 0;
}

function imageTable(images: readonly ImageShown[], now: number, { width }: Look): string {
  return table(
    ['IMAGE', 'ID', 'SIZE', 'CREATED', 'NODES'],
    images.map((one) => [
      ...[one.name, one.id, size(one.size), `${age(one.createdAt, now)} ago`, one.nodes.join(', ')],
    ]),
    width,
  );
}

async function ofRegistry(
  session: Session,
  registry: string,
  repository: string | undefined,
  flags: ImageFlags,
): Promise<number> {
  const asked = {
    registry,
    ...(repository === undefined ? {} : { repository }),
    ...(flags.node === undefined ? {} : { node: flags.node }),
    ...(flags.registryAuth ? { registryAuth: await loginHere(session, registry) } : {}),
  };
  const contents = await session.ask('registry.list', asked, { deadlineMs: registryMs });
  const shown = contents.repositories.map(({ name, ...rest }) => ({ name: inFull(registry, name), ...rest }));
  const text = flags.quiet
    ? lines(shown.flatMap(({ name, tags }) => tags.map((tag) => `${name}:${tag}`)))
    : await textOf(flags.output, shown, (all, wide) => registryTable(all, { wide, ...widthOf(session, flags) }));
  await session.io.stdout.write(text);
  if (contents.more || contents.repositories.some(({ more }) => more))
    await session.note(`trama: ${registry} has more than is shown: name a repository of it`);
  return 0;
}

/** As `run` takes it: Docker Hub needs no name. */
const inFull = (registry: string, name: string): string =>
  registry === 'docker.io' ? name.replace(/^library\//, '') : `${registry}/${name}`;

type Repositories = Result<'registry.list'>['repositories'];

const registryTable = (all: Repositories, { width }: Look): string =>
  table(
    ['REPOSITORY', 'TAGS'],
    all.map(({ name, tags, more }) => [name, `${tags.join(', ')}${more ? ', …' : ''}`]),
    width,
  );

const lines = (words: readonly string[]): string => words.map((word) => `${word}\n`).join('');

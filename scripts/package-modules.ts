/**
 * Copies the modules that the running system needs into DIRECTORY/node_modules, and a package.json that says what the program
 * is. Of each module: its code for Node.js, and no types, sources, maps or tests.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

const json = <T>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as T;

/** In these modules, directories and files that are for others: bundlers, browsers, compilers, older interfaces. */
const left: Readonly<Record<string, readonly RegExp[]>> = {
  'cmake-ts': [/^(?!build\/loader\.js$|package\.json$)/],
  'node-addon-api': [/./],
  'es-toolkit': [/^(?!dist\/.*\.mjs$|package\.json$)/],
  react: [/\.(development|profiling)\.js$/, /react-server/],
  'react-reconciler': [/\.(development|profiling)\.js$/],
  commander: [/^typings\//, /^package-support\.json$/],
  ws: [/^browser\.js$/],
  yaml: [/^browser\//, /^bin\.mjs$/],
  zeromq: [/^(build|script|src)\//, /^(\.mocharc|draft|v5-compat)\.js$/, /^(tsconfig|vcpkg)\.json$/],
  zod: [/^(src|v3|v4-mini|mini|locales)\//, /^v4\/mini\//, /\.cjs$/, /^compile\.js$/],
};

const code = /(\.js|\.cjs|\.mjs|\.json)$/;

const [directory = ''] = process.argv.slice(2);

function copyModule(name: string): void {
  const from = join('node_modules', name);
  const files = readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(from, join(entry.parentPath, entry.name)));
  for (const file of files) {
    if (code.test(file) && !left[name]?.some((one) => one.test(file))) copy(join(from, file));
  }
}

function copy(file: string): void {
  const to = join(directory, file);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(file, to);
}

/** ZeroMQ is built for many platforms; its loader takes the newest that its manifest names for this one. */
function copyAddon(): void {
  const build = 'node_modules/zeromq/build';
  const manifest = json<Readonly<Record<string, string>>>(join(build, 'manifest.json'));
  const [newest] = Object.entries(manifest)
    .map(([key, path]) => ({
      key,
      path,
      for: JSON.parse(key) as { os: string; arch: string; libc: string; abi: number },
    }))
    .filter(({ for: { os, arch, libc, abi } }) => {
      return os === 'linux' && arch === process.arch && libc === 'glibc' && abi <= Number(process.versions.modules);
    })
    .sort((a, b) => b.for.abi - a.for.abi);
  if (newest === undefined) throw new Error(`zeromq has nothing built for linux ${process.arch}`);
  copy(join(build, newest.path));
  writeFileSync(join(directory, build, 'manifest.json'), JSON.stringify({ [newest.key]: newest.path }));
}

const { packages } = json<Lock>('package-lock.json');
for (const [path, { dev = false }] of Object.entries(packages)) {
  if (path !== '' && !dev) copyModule(relative('node_modules', path));
}
copyAddon();
const { name, version, license, type } = json<Readonly<Record<string, string>>>('package.json');
writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ name, version, license, type }, undefined, 2)}\n`);

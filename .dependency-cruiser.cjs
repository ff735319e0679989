/** The layer table of docs/design.md: which room may import which. Inside a room anything goes. */
const rooms = {
  domain: [],
  protocol: ['domain'],
  platform: [],
  store: ['domain', 'protocol', 'platform'],
  bus: ['domain', 'protocol', 'platform'],
  kernel: ['domain', 'platform'],
  drivers: ['domain', 'kernel'],
  runtimes: ['domain', 'protocol', 'platform'],
  dns: ['domain', 'platform'],
  server: ['domain', 'protocol', 'store', 'bus', 'platform'],
  doctor: ['domain', 'protocol', 'platform'],
  agent: ['domain', 'protocol', 'bus', 'kernel', 'drivers', 'runtimes', 'dns', 'doctor', 'platform'],
  plugins: ['domain', 'protocol', 'agent', 'platform'],
  documents: ['domain'],
  lab: ['domain', 'documents', 'kernel', 'drivers', 'runtimes', 'platform'],
  interfaces: ['domain', 'documents', 'protocol', 'platform', 'server', 'agent', 'doctor'],
};

/** Rooms of which others see only the door: `<room>/<room>.ts`, a port without an implementation. */
const doorsOnly = ['store', 'bus', 'runtimes', 'dns', 'server', 'agent', 'doctor'];

const tests = '\\.test\\.ts$';

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports`,
      comment: `src/${room} may import only: ${allowed.join(', ') || 'nothing'}`,
      severity: 'error',
      from: { path: `^src/${room}/`, pathNot: tests },
      to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
    })),
    ...doorsOnly.map((room) => ({
      name: `${room}-door`,
      comment: `from outside, src/${room} is entered by its door, ${room}.ts`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${room}|main)/|${tests}` },
      to: { path: `^src/${room}/`, pathNot: `^src/${room}/${room}\\.ts$` },
    })),
    {
      name: 'drivers-see-kernel-types-only',
      severity: 'error',
      from: { path: '^src/drivers/', pathNot: tests },
      to: { path: '^src/kernel/', pathNot: '^src/kernel/objects\\.ts$' },
    },
    {
      name: 'domain-is-pure',
      comment: 'no I/O, no clock, no randomness: domain imports nothing of Node',
      severity: 'error',
      from: { path: '^src/domain/', pathNot: tests },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    {
      name: 'one-door-to-the-os',
      comment: 'only platform (and the composition in main) spawns processes',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(platform|main)/|${tests}` },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-imports-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/' },
      to: { path: '^src/main/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};

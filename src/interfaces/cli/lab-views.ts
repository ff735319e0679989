/** Labs as people read them. Pure. */

import type { LabReport, LabSummary, LabView } from './lab-tools.ts';
import { age, table } from './text.ts';
import type { Look } from './views.ts';

export function labTable(labs: readonly LabSummary[], now: number, { width }: Look = {}): string {
  return table(
    ['NAME', 'STATUS', 'NODES', 'LINKS', 'UP SINCE', 'FILE'],
    labs.map(({ name, status, nodes, links, since, file }) => [
      ...[name, status, String(nodes), String(links), since === null ? '' : `${age(since, now)} ago`, file],
    ]),
    width,
  );
}

export function labSheet({ nodes, links }: LabView): string {
  const interfaces = nodes.flatMap((node) =>
    node.interfaces.map((one) => [
      ...[node.name, node.kind, one.name, one.cidr ?? '', one.mac ?? '', one.bridge ?? '', one.peer ?? ''],
    ]),
  );
  const running = nodes.flatMap(({ name, host, runs, image }) => {
    const what = image ?? runs.join(', ');
    return what === '' ? [] : [[name, host ?? '', what]];
  });
  const routes = nodes.flatMap(({ name, routes }) => routes.map((route) => [name, route]));
  const links_ = links.filter(({ up, rate, loss }) => !up || rate !== null || loss > 0);
  const notes = links_.map(({ ends, up, rate, loss }) => [
    ...[ends.join(' - '), up ? 'up' : 'down', rate === null ? '' : rateOf(rate), loss === 0 ? '' : `${loss}%`],
  ]);
  return [
    table(['NODE', 'KIND', 'INTERFACE', 'ADDRESS', 'MAC', 'BRIDGE', 'PEER'], interfaces),
    ...(running.length === 0 ? [] : [table(['NODE', 'HOST', 'RUNS'], running)]),
    ...(routes.length === 0 ? [] : [table(['NODE', 'ROUTE'], routes)]),
    ...(notes.length === 0 ? [] : [table(['LINK', 'CABLE', 'RATE', 'LOSS'], notes)]),
  ].join('\n');
}

/** As `set` takes it. */
function rateOf(bits: number): string {
  const [size, unit] = bits % 1e9 === 0 ? [1e9, 'gbit'] : bits % 1e6 === 0 ? [1e6, 'mbit'] : [1e3, 'kbit'];
  return `${bits / size}${unit}`;
}

/** As wide as a terminal shows it; of larger labs only what is not as expected is told. */
const mostColumns = 24;

/** Rows ping columns. `·`: nobody asked. */
export function labMatrix({ pings }: LabReport): string {
  const rows = [...new Set(pings.map(({ from }) => from))];
  const targets = new Set(pings.map(({ to }) => to));
  const columns = [...rows.filter((name) => targets.delete(name)), ...targets];
  if (columns.length === 0 || columns.length > mostColumns) return '';
  const cells = new Map(pings.map(({ from, to, answered }) => [`${from} ${to}`, answered ? '✓' : '✗']));
  const body = rows.map((from) => [from, ...columns.map((to) => cells.get(`${from} ${to}`) ?? '·')]);
  return `${table(['FROM', ...columns], body)}\n`;
}

export function verdictTable({ verdicts }: LabReport): string {
  return verdicts
    .map(({ expected, ok, found }) => `${ok ? 'PASS' : 'FAIL'}  ${expected}${ok ? '' : `\n      ${found}`}\n`)
    .join('');
}

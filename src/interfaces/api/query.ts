/** Parameters in the query of a URL: of what has only plain ones, or lists of words. */
import { Failure, quoted } from '../../domain/domain.ts';
import type { OperationName } from './operations.ts';
import { operationOf } from './operations.ts';
import { type JsonSchema, paramsShape } from './shapes.ts';

export interface QueryParameter {
  readonly name: string;
  readonly kind: 'string' | 'number' | 'boolean' | 'strings';
  /** Flags that are not there are not set, and lists are empty. */
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** @returns undefined when there is something that a query cannot hold, and the caller cannot do without it */
export function queryParameters(name: OperationName): readonly QueryParameter[] | undefined {
  const { properties = {}, required = [] } = paramsShape(name);
  const hidden = hiddenOf(name);
  const found: QueryParameter[] = [];
  for (const [key, schema] of Object.entries(properties)) {
    if (hidden.includes(key)) continue;
    const kind = kindOf(schema);
    const needed = required.includes(key);
    if (kind !== undefined) {
      found.push({ name: key, kind, schema, required: needed && kind !== 'boolean' && kind !== 'strings' });
    } else if (needed) return undefined;
  }
  return found;
}

function hiddenOf(name: OperationName): readonly string[] {
  const operation = operationOf(name);
  return operation?.kind === 'events' ? (operation.hidden ?? []) : [];
}

function kindOf({ type, items }: JsonSchema): QueryParameter['kind'] | undefined {
  if (type === 'string' || type === 'boolean') return type;
  if (type === 'number' || type === 'integer') return 'number';
  return type === 'array' && items?.type === 'string' ? 'strings' : undefined;
}

/**
 * `?name=web&follow=true&command=ls&command=-l`; a flag alone is set.
 * @throws Failure `invalid` that names the parameter
 */
export function readQuery(name: OperationName, query: URLSearchParams): Record<string, unknown> {
  const parameters = queryParameters(name) ?? [];
  const stray = [...query.keys()].find((key) => !parameters.some((one) => one.name === key));
  if (stray !== undefined) {
    const there = parameters.map((one) => one.name).join(', ') || 'none';
    throw new Failure('invalid', `${name} has no parameter ${quoted(stray)} in the query: there are ${there}`);
  }
  const { required = [] } = paramsShape(name);
  const values = parameters.flatMap((parameter) => {
    const given = query.getAll(parameter.name);
    if (given.length > 0) return [[parameter.name, valueIn(name, parameter, given)]];
    if (!required.includes(parameter.name)) return [];
    if (parameter.kind === 'boolean') return [[parameter.name, false]];
    return parameter.kind === 'strings' ? [[parameter.name, []]] : [];
  });
  return Object.fromEntries(values);
}

function valueIn(method: string, { name, kind }: QueryParameter, given: readonly string[]): unknown {
  const wrong = (what: string) => new Failure('invalid', `${method}: ${name} is ${what}`);
  if (kind === 'strings') return given;
  const [text = ''] = given;
  if (given.length > 1) throw wrong('given more than once, and it is one value');
  if (kind === 'string') return text;
  if (kind === 'boolean') {
    if (text === '' || text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
    throw wrong(`${quoted(text)}, and it is true or false`);
  }
  const number = Number(text);
  if (/^-?[0-9]+(\.[0-9]+)?$/.test(text) && Number.isFinite(number)) return number;
  throw wrong(`${quoted(text)}, and it is a number`);
}

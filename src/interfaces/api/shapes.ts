/** The schemas of the protocol as JSON Schema, for the document that describes the API and for reading parameters of a query. */
import { z } from 'zod';
import { clusterEvent } from '../../protocol/events.ts';
import { type MethodName, methods, type StreamName, streams } from '../../protocol/protocol.ts';
import { containerView, networkView, nodeView, statsView, userView } from '../../protocol/views.ts';
import { workloadSpec } from '../../protocol/workload-spec.ts';

/** JSON Schema 2020-12. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

/** Told once in the document, and referred to. */
export const shared: Readonly<Record<string, z.ZodType>> = {
  Node: nodeView,
  Network: networkView,
  Container: containerView,
  User: userView,
  Stats: statsView,
  WorkloadSpec: workloadSpec,
  ClusterEvent: clusterEvent,
};

const names = new Map<unknown, string>(Object.entries(shared).map(([name, schema]) => [schema, name]));

/** @param io `input`: as it is to be sent; `output`: as it is answered */
export function shapeOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...shape } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      // A newer server answers more (docs/adr/0014-versions.md), and of what it is asked passes over what it does not know.
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      const name = names.get(zodSchema);
      if (name === undefined || (zodSchema as unknown) === schema) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      jsonSchema.$ref = refTo(name);
    },
  });
  return shape as JsonSchema;
}

/** The same of what is answered; of what is told once, a reference. */
export function answerShape(schema: z.ZodType): JsonSchema {
  const name = names.get(schema);
  return name === undefined ? shapeOf(schema, 'output') : { $ref: refTo(name) };
}

const refTo = (name: string): string => `#/components/schemas/${name}`;

/** The schema of the parameters of a method or stream. */
function paramsOf(name: MethodName | StreamName): z.ZodType {
  return name in streams ? streams[name as StreamName] : methods[name as MethodName].params;
}

const computed = new Map<string, JsonSchema>();

/** The same as it is sent. */
export function paramsShape(name: MethodName | StreamName): JsonSchema {
  const known = computed.get(name);
  if (known !== undefined) return known;
  const shape = shapeOf(paramsOf(name), 'input');
  computed.set(name, shape);
  return shape;
}

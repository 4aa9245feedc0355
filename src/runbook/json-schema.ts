import { z } from 'zod';
import type { RunbookFormat } from './schema.ts';

/** A part of the JSON Schema. */
export interface SchemaNode {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly default?: unknown;
  readonly const?: unknown;
  /** What the key takes, in the validator's words: only there for people. */
  readonly takes?: string;
}

/**
 * What editors complete and check a runbook by. Rules between keys are left to `runbook validate`.
 * Draft 07 is what editors know best.
 */
export function runbookJsonSchema(format: RunbookFormat): SchemaNode {
  return withExtends(withPlatform(describedSchema(format, () => ({}))));
}

/** The same without the short form, and with what `more` adds to each part. */
export function describedSchema(
  { schema: runbook }: RunbookFormat,
  more: (schema: z.ZodType, node: SchemaNode) => Partial<SchemaNode>,
): SchemaNode {
  const root = z.toJSONSchema(runbook, {
    io: 'input',
    target: 'draft-07',
    reused: 'inline',
    override: ({ zodSchema, jsonSchema }) => {
      const schema = zodSchema as unknown as z.ZodType; // zod knows its own classes here, by their core
      const { examples } = schema.meta() ?? {}; // left out by zod where a value is turned into another
      Object.assign(jsonSchema, examples === undefined ? {} : { examples });
      Object.assign(jsonSchema, more(schema, jsonSchema as SchemaNode));
    },
  });
  return {
    ...(root as SchemaNode),
    description: 'A runbook of bluegreen: one service in one environment.',
  };
}

/** With `extends`, every key may be in the other file. */
function withExtends({ required = [], ...root }: SchemaNode): SchemaNode {
  return { ...root, anyOf: [{ required: ['extends'] }, { required }] };
}

/** `platform` instead of `workload` and `router`: which of them is there is left to `runbook validate`. */
function withPlatform(root: SchemaNode): SchemaNode {
  const { properties = {}, required = [] } = root;
  const routers = properties['router']?.oneOf ?? [];
  const platforms = (properties['workload']?.oneOf ?? []).flatMap((workload) =>
    routers
      .filter((router) => router.properties?.['kind']?.const === workload.properties?.['kind']?.const)
      .map((router) => ({
        ...workload,
        properties: { ...workload.properties, ...router.properties },
        required: [...new Set([...(workload.required ?? []), ...(router.required ?? [])])],
      })),
  );
  return {
    ...root,
    properties: {
      ...properties,
      platform: { description: 'The keys of `workload` and `router` together.', oneOf: platforms },
    },
    required: required.filter((key) => key !== 'workload' && key !== 'router'),
  };
}

import { z } from 'zod';

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly const?: unknown;
}

/** The keys that `schema` allows where `path` leads in `data`, for telling a person what an unknown key could have been. */
export function keysAllowedAt(schema: z.ZodType, data: unknown, path: readonly PropertyKey[]): readonly string[] {
  let node: SchemaNode | undefined = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  let value = data;
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
    node = alternative(typeof key === 'number' ? node?.items : childOf(node, String(key)), value);
  }
  return Object.keys(node?.properties ?? {});
}

function childOf(node: SchemaNode | undefined, key: string): SchemaNode | undefined {
  const { properties = {}, additionalProperties } = node ?? {};
  if (Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** Of several shapes the one whose `kind` the value has. */
function alternative(node: SchemaNode | undefined, value: unknown): SchemaNode | undefined {
  const shapes = node?.oneOf ?? node?.anyOf;
  if (shapes === undefined) return node;
  const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
  return shapes.find((shape) => shape.properties?.['kind']?.const === kind);
}

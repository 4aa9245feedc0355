import type { z } from 'zod';
import { registryWith } from '../../src/built-in.ts';
import { describedSchema, runbookJsonSchema, type SchemaNode, validate } from '../../src/runbook/index.ts';

const { format } = registryWith();

/** For the built-in kinds. */
export function builtInJsonSchema(): SchemaNode {
  return runbookJsonSchema(format);
}

/** The same with the validator's own words for what each key takes. @throws Error when an example is none. */
export function runbookSchemaInWords(): SchemaNode {
  return describedSchema(format, (schema, { examples = [] }) => {
    for (const example of examples)
      for (const { path, message } of problems(schema, example))
        throw new Error(`An example in the schema is none: ${path}: ${message}: ${JSON.stringify(example)}`);
    return { takes: expectations(schema) };
  });
}

/** Nothing that can be written in a runbook: what is expected instead is said by every part of the schema. */
const NOTHING = Symbol('nothing');
/** For what is said in general about these, the validator has better words when they are nearly right. */
const NEARLY: Readonly<Record<string, unknown>> = { text: '', 'a number': 0.5 };
/** What shows the bounds of a duration, a number, a list; and which placeholders are filled. */
const EXTREMES = ['1ms', '720h', -1e9, 1e9, []] as const;
const PLACEHOLDERS = ['{nothing}', ['{nothing}'], 'http://host/{nothing}'] as const;

/** `a whole number, at least 1, at most 10`: asked of the validator, so that it is what the validator does. */
function expectations(schema: z.ZodType): string {
  const expected = (value: unknown): string[] =>
    problems(schema, value).map(({ message }) => message.replace(/^.*?expected /s, ''));
  const [type = 'anything'] = expected(NOTHING);
  const nearly = Object.hasOwn(NEARLY, type) ? expected(NEARLY[type]).find((said) => !isBound(said)) : undefined;
  const bounds = EXTREMES.flatMap(expected).filter((said) => isBound(said) && (type === 'a list' || !isLength(said)));
  const filled = PLACEHOLDERS.flatMap(expected).flatMap((said) => /^one of (\{.*)$/.exec(said)?.[1] ?? []);
  return [nearly ?? type, ...new Set(bounds), ...new Set(filled.map((names) => `with ${names} filled in`))].join(', ');
}

function isBound(said: string): boolean {
  return /^(at least|at most|more than|less than) /.test(said);
}

function isLength(said: string): boolean {
  return /(entry|entries)$/.test(said);
}

function problems(schema: z.ZodType, value: unknown) {
  const result = validate(schema, value);
  return 'problems' in result ? result.problems : [];
}

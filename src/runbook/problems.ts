import type { z } from 'zod';
import { keysAllowedAt } from './keys.ts';
import { RENAMED_KEYS, RENAMED_VALUES } from './renamed.ts';

/** One mistake in something that a person wrote. */
export interface Problem {
  /** Where: `traffic[0].soak`; empty for the whole. */
  readonly path: string;
  /** `found "10 minutes", expected a duration such as 90s, 10m or 4h` */
  readonly message: string;
  /** The same place for a program: the keys and indexes that lead there. */
  readonly keys: readonly PropertyKey[];
}

const LONGEST_SHOWN = 60;
const MOST_SHOWN = 20;
/** Under these, keys of the same names hold lengths: `recovery.target`. */
const NAMESAKES = new Set(['recovery']);
const NO_SECRETS: ReadonlySet<string> = new Set();

/**
 * Every mistake that `schema` finds in `data`, in people's words; or the checked and normalised value. These messages end in a
 * history: what stands under one of the `secretKeys` is never shown.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
  secretKeys = NO_SECRETS,
): { value: z.output<Schema> } | { problems: readonly Problem[] } {
  const result = schema.safeParse(data, { error: (issue) => expectation(issue) });
  if (result.success) return { value: result.data };
  return { problems: result.error.issues.flatMap((issue) => toProblems(issue, { schema, data, secretKeys })) };
}

/** The first lines of many, each on its own: more helps nobody, and a history has limits. */
export function firstOf(lines: readonly string[]): string {
  const more = lines.length - MOST_SHOWN;
  return [...lines.slice(0, MOST_SHOWN), ...(more > 0 ? [`... and ${more} more`] : [])].join('\n');
}

function toProblems(
  issue: z.core.$ZodIssue,
  { schema, data, secretKeys }: { schema: z.ZodType; data: unknown; secretKeys: ReadonlySet<string> },
): readonly Problem[] {
  const keys = issue.path;
  if (issue.code === 'unrecognized_keys') {
    const [list, , part, ...below] = keys;
    // A further metric's `metrics` takes the keys of the runbook's.
    const allowed = keysAllowedAt(schema, data, list === 'analysis' && part === 'metrics' ? [part, ...below] : keys);
    return issue.keys.map((key, index) => {
      // To suggest a name takes a while, and nobody is shown so many.
      if (index >= MOST_SHOWN) return problem([...keys, key], `unknown key ${quote(key)}`);
      const renamed = RENAMED_KEYS.get(pathText(kindsFor([...keys, key], data)));
      const help = renamed === undefined ? suggestion(key, allowed) : `use "${renamed}" instead`;
      return problem([...keys, key], `unknown key ${quote(key)}, ${help}`);
    });
  }
  if (issue.code === 'invalid_key')
    return [
      problem(keys, `found the key ${quote(String(keys.at(-1)))}, ${issue.issues[0]?.message ?? 'expected another'}`),
    ];
  // A message that says itself what was found needs nothing before it.
  if (/^(found|missing|the)\b/.test(issue.message)) return [problem(keys, issue.message)];
  const found = valueAt(data, keys);
  if (found === undefined) return [problem(keys, `missing, ${issue.message}`)];
  const renamed = typeof found === 'string' ? RENAMED_VALUES.get(`${pathText(keys)}=${found}`) : undefined;
  const help = renamed === undefined ? '' : `: use "${renamed}" instead`;
  return [problem(keys, `found ${describe(found, isSecret(keys, secretKeys))}, ${issue.message}${help}`)];
}

function problem(keys: readonly PropertyKey[], message: string): Problem {
  return { path: pathText(keys), message, keys };
}

/** `traffic[0].soak` */
function pathText(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === 'number') return `${path}[${key}]`;
    if (typeof key === 'symbol') return `${path}[${key.description}]`;
    const text = /^[\w-]+$/.test(key) ? key : quote(key);
    return path === '' ? text : `${path}.${text}`;
  }, '');
}

/** What was expected, for the rules that bring no words of their own. */
function expectation(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => String(value)).join(' or ')}`;
    case 'invalid_union':
      return Array.isArray(issue.options) ? `expected ${issue.options.join(' or ')}` : 'expected another';
    case 'too_small':
      return tooSmall(issue.origin, issue.minimum, issue.inclusive ?? true);
    case 'too_big':
      return `expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`;
    case undefined:
    default:
      return `expected something else${issue.message ? ` (${issue.message})` : ''}`;
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function tooSmall(origin: string, minimum: number | bigint, inclusive: boolean): string {
  if (Number(minimum) === 1 && origin === 'string') return 'expected text that is not empty';
  return `expected ${inclusive ? 'at least' : 'more than'} ${minimum}${unitOf(origin, minimum)}`;
}

function unitOf(origin: string, size: number | bigint): string {
  if (origin === 'string') return ' characters';
  if (origin !== 'array') return '';
  return Number(size) === 1 ? ' entry' : ' entries';
}

function suggestion(key: string, allowed: readonly string[]): string {
  const near = allowed
    .map((known) => ({ known, distance: editDistance(key.toLowerCase(), known.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near && near.distance <= Math.ceil(near.known.length / 3)) return `did you mean "${near.known}"?`;
  return allowed.length === 0 ? 'expected no such key' : `expected one of ${allowed.join(', ')}`;
}

/** How many letters have to be changed, added or left out (Levenshtein). Keys are short; a long one is no misspelling. */
function editDistance(from: string, to: string): number {
  if (from.length > LONGEST_SHOWN) return from.length;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(to).entries())
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The same path with the `kind` of each entry of a list instead of its index. */
function kindsFor(keys: readonly PropertyKey[], data: unknown): readonly PropertyKey[] {
  return keys.map((key, index) => {
    const entry = typeof key === 'number' ? valueAt(data, keys.slice(0, index + 1)) : undefined;
    const isOfKind = typeof entry === 'object' && entry !== null && 'kind' in entry && typeof entry.kind === 'string';
    return isOfKind ? Symbol(String(entry.kind)) : key;
  });
}

function valueAt(data: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    data,
  );
}

function isSecret(keys: readonly PropertyKey[], secretKeys: ReadonlySet<string>): boolean {
  return keys.some((key, index) => secretKeys.has(String(key)) && !NAMESAKES.has(String(keys[index - 1])));
}

function describe(value: unknown, isHidden: boolean): string {
  if (typeof value === 'string') return isHidden ? 'other text (not shown here)' : quote(value);
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return 'a map';
}

/** As one line that cannot rewrite a terminal: invisible characters become their code, the rest is cut. */
function quote(text: string): string {
  if (/:\/\//.test(text)) return 'a URL (not shown here)';
  const shown = JSON.stringify(text.slice(0, LONGEST_SHOWN)).replace(
    /\p{C}|[\u2028\u2029]/gu,
    (invisible) => `\\u{${invisible.codePointAt(0)?.toString(16)}}`,
  );
  return text.length > LONGEST_SHOWN ? `${shown} ... (${text.length} characters)` : shown;
}

import { Document, isCollection, visit } from 'yaml';
import type { SchemaNode } from './json-schema.ts';

/** docs/runbook.md from the schema. Pure. */

/** Where the meaning is: it is not repeated here. */
const MORE: Readonly<Record<string, string>> = {
  metrics: 'docs/metrics.md',
  limits: 'docs/judge.md',
  judge: 'docs/judge.md',
  checklist: 'docs/checks.md',
  verifyGreen: 'docs/checks.md',
};

const HEAD = `# The runbook

<!-- Made by \`npm run docs\` from src/runbook/schema.ts. What is changed here is lost, and a test fails. -->

Every key of a runbook. The file is YAML, for one service in one environment; \`runbooks/recommendation.yaml\` is one with
comments. A key that is not here is an error. \`npm run bluegreen -- runbook validate FILE\` says what is wrong with a
runbook, and where; the words under "takes" are the ones that it uses. What stands in braces, such as \`{version}\`, is
filled in where the table says so.

Editors complete and check a runbook by [runbook.schema.json](runbook.schema.json). Those with the YAML language server
find it by a comment in the file's first line; what only \`runbook validate\` checks are rules between keys:

\`\`\`yaml
# yaml-language-server: $schema=../docs/runbook.schema.json
\`\`\`
`;

interface Row {
  readonly key: string;
  readonly takes: string;
  readonly fallback: string;
  readonly description: string;
}

/** The page as Markdown. */
export function runbookPage(schema: SchemaNode): string {
  const keys = Object.entries(schema.properties ?? {});
  const top = keys.map(([key, node]) => ({
    ...rowOf(key, node, isRequired(schema, key)),
    key: nested(node).length > 0 ? `[\`${key}\`](#${key.toLowerCase()})` : `\`${key}\``,
  }));
  const told = new Map<string, string>();
  const sections = keys.filter(([, node]) => nested(node).length > 0).map(([key, node]) => section(key, node, told));
  return [HEAD, table(top), ...sections].join('\n');
}

/** One key of the runbook and all below it; what was told under another key is not told again. */
function section(key: string, node: SchemaNode, told: Map<string, string>): string {
  const [example] = node.examples ?? [];
  const more = MORE[key] === undefined ? '' : ` See [${MORE[key]}](${MORE[key].replace('docs/', '')}).`;
  const takes = JSON.stringify(node.items ?? node.oneOf ?? node.properties ?? node);
  const before = told.get(takes);
  told.set(takes, before ?? key);
  return [
    `## ${key}`,
    '',
    `${node.description}${more}`,
    '',
    ...(example === undefined ? [] : [yaml({ [key]: example })]),
    before === undefined ? keysOf(key, node) : `It takes the same as [\`${before}\`](#${before.toLowerCase()}).\n`,
  ].join('\n');
}

/** One table, or one for each kind and one for what all kinds take. */
function keysOf(key: string, node: SchemaNode): string {
  const kinds = (node.items ?? node).oneOf ?? [];
  if (kinds.length === 0) return table(rowsOf(node, pathTo(node, '')));
  const told = new Map<string, string>();
  const common = commonKeys(kinds);
  const parts = kinds.map((kind) => {
    const { properties = {} } = kind;
    const name = String(properties['kind']?.const);
    const title = `### ${key}: ${name}`;
    const [example] = kind.examples ?? [];
    const rows = Object.entries(properties)
      .filter(([one]) => one !== 'kind' && !common.includes(one))
      .flatMap(([one, child]) => rowsUnder(one, child, isRequired(kind, one), { told, at: `${key}: ${name}` }));
    return [
      title,
      '',
      `\`kind: ${name}\`. ${properties['kind']?.description}`,
      '',
      ...(example === undefined ? [] : [yaml({ [key]: example })]),
      ...(rows.length > 0 ? [table(rows)] : []),
    ].join('\n');
  });
  const [first = {}] = kinds;
  const shared = common.map((one) => rowOf(one, first.properties?.[one] ?? {}, isRequired(first, one)));
  return [...(shared.length > 0 ? [`Every kind takes:\n\n${table(shared)}`] : []), ...parts].join('\n');
}

/** What all of several kinds take in the same way. */
function commonKeys(kinds: readonly SchemaNode[]): readonly string[] {
  const [first, ...others] = kinds;
  if (others.length === 0) return [];
  return Object.entries(first?.properties ?? {})
    .filter(([key, node]) => others.every((kind) => same(kind.properties?.[key], node)))
    .map(([key]) => key);
}

function same(one: SchemaNode | undefined, other: SchemaNode): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

interface Told {
  readonly told: Map<string, string>;
  readonly at: string;
}

/** A key and those below it; what was told under a kind before is not told again. */
function rowsUnder(key: string, node: SchemaNode, required: Required, memory?: Told): Row[] {
  const row = rowOf(key, node, required);
  const below = rowsOf(node, pathTo(node, key), memory);
  if (!memory || below.length < 3) return [row, ...below];
  const text = JSON.stringify(node);
  const before = memory.told.get(text);
  if (before !== undefined)
    return [{ ...row, takes: `as in [${before}](#${before.toLowerCase().replace(': ', '-')})` }];
  memory.told.set(text, memory.at);
  return [row, ...below];
}

/** The keys below a part of the schema. */
function rowsOf(node: SchemaNode, path: string, memory?: Told): Row[] {
  const rows = nested(node).flatMap(({ key, child, required }) => {
    const name = `${path}${key}`;
    if (child.description === undefined) return rowsOf(child, pathTo(child, name), memory);
    return rowsUnder(name, child, required, memory);
  });
  return rows.filter((row, index) => rows.findIndex((one) => one.key === row.key) === index);
}

interface Nested {
  readonly key: string;
  readonly child: SchemaNode;
  readonly required: Required;
}

/** What stands below a part: of lists what their entries have, of several forms what any of them has. */
function nested(node: SchemaNode): Nested[] {
  const inner = node.items ?? node;
  const forms = inner.oneOf ?? inner.anyOf ?? [inner];
  return forms.flatMap((form) => {
    const { additionalProperties: any, properties = {} } = form;
    const keys = Object.entries(properties).map(([key, child]) => {
      const inAll = forms.every((one) => one.properties?.[key] !== undefined);
      return { key, child, required: isRequired(form, key) && (inAll || 'either') } as const;
    });
    return typeof any === 'object' ? [...keys, { key: 'NAME', child: any, required: false } as const] : keys;
  });
}

function pathTo(node: SchemaNode, key: string): string {
  if (key === '') return '';
  return node.items === undefined ? `${key}.` : `${key}[].`;
}

/** `either`: one of several forms needs it. */
type Required = boolean | 'either';

function isRequired(node: SchemaNode, key: string): boolean {
  return node.required?.includes(key) ?? false;
}

function rowOf(key: string, node: SchemaNode, required: Required): Row {
  const { takes = '', description = '', default: fallback } = node;
  const plain =
    typeof fallback === 'object' || fallback === undefined ? undefined : JSON.stringify(fallback).replaceAll('"', '');
  const needed = required === 'either' ? '**one of them**' : '**required**';
  return {
    key: `\`${key}\``,
    takes: `${takes}${eachOf(node)}`.replace(/(?<=, with )\{.*\}(?= filled in)/, (names) =>
      names.replace(/\{\w+\}/g, '`$&`'),
    ),
    fallback: required ? needed : plain === undefined ? '' : `\`${plain}\``,
    description,
  };
}

/** What the entries of a list take, where they are no keys of their own and the list does not say it. */
function eachOf({ takes = '', items }: SchemaNode): string {
  if (items?.takes === undefined || nested(items).length > 0 || !takes.startsWith('a list')) return '';
  return `, each ${items.takes}`;
}

function table(rows: readonly Row[]): string {
  const lines = [
    ['key', 'takes', 'default', 'what'],
    ...rows.map(({ key, takes, fallback, description }) => [key, takes, fallback, description]),
  ].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
  return `${[lines[0], '| --- | --- | --- | --- |', ...lines.slice(1)].join('\n')}\n`;
}

const LONGEST_FLOW = 110;

/** As people write it: what is short on one line. */
function yaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Collection: (_key, node, path) => {
      const isOuter = path.filter(isCollection).length < 2;
      if (!isOuter && isCollection(node)) node.flow = JSON.stringify(node).length <= LONGEST_FLOW;
    },
  });
  const text = document.toString({ lineWidth: 0 }).replace(/(?<=\[) | (?=\])/g, '');
  return `\`\`\`yaml\n${text}\`\`\`\n`;
}

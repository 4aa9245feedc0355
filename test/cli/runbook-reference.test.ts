import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { REFERENCE } from '../../scripts/reference/files.ts';
import { builtInJsonSchema } from '../../scripts/reference/json-schema.ts';
import type { SchemaNode } from '../../src/runbook/json-schema.ts';
import { GUIDE_TEXT, guideWith } from '../runbook/support.ts';

/** What an editor would say of this runbook. */
function complaints(text: string): readonly string[] {
  const check = new Ajv({ allErrors: true, discriminator: false, strict: false }).compile(builtInJsonSchema());
  return check(parse(text)) ? [] : (check.errors ?? []).map(({ instancePath }) => instancePath);
}

test.each(Object.entries(REFERENCE))('%s is what the schema says (npm run docs makes it so)', async (file, text) => {
  expect(await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')).toBe(text());
});

test('every key says what it is for', () => {
  const silent: string[] = [];
  const look = (node: SchemaNode, path: string): void => {
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      if (child.description === undefined) silent.push(`${path}${key}`);
      look(child, `${path}${key}.`);
    }
    const { items, additionalProperties: any, oneOf = [], anyOf = [] } = node;
    for (const one of [items, any, ...oneOf, ...anyOf]) if (typeof one === 'object') look(one, path);
  };
  look(builtInJsonSchema(), '');
  expect(silent).toEqual([]);
});

test("an editor finds nothing wrong with the guide's runbook, which names the schema in its first line", async () => {
  expect(complaints(GUIDE_TEXT)).toEqual([]);
  const [, file = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(GUIDE_TEXT) ?? [];
  const schema = await readFile(new URL(file, new URL('../../runbooks/', import.meta.url)), 'utf8');
  expect(JSON.parse(schema)).toEqual(builtInJsonSchema());
});

test.each([
  ['a misspelt key', 'errorRate: 5%', 'errorRates: 5%', '/limits'],
  ['a length that is none', 'soak: 10m', 'soak: 10 minutes', '/traffic/0/soak'],
  ['a number where a text belongs', 'errorRate: 5%', 'errorRate: 5', '/limits/errorRate'],
  ['a kind that does not exist', 'kind: scrape', 'kind: scraper', '/metrics/kind'],
])('an editor finds %s', (_, from, to, where) => {
  expect(complaints(guideWith([from, to]))).toContain(where);
});

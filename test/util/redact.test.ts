import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import ts from 'typescript';
import { conceal } from '../../src/prometheus/http-client.ts';
import { keepSecret, redact } from '../../src/util/redact.ts';
import { cpuMs } from '../support/cpu.ts';

test.each([
  ['a token', 'sent hunter2hunter2 off', 'sent [redacted] off', { API_TOKEN: 'hunter2hunter2' }],
  ['a database URL', 'at postgres://u:p@db/main?x=1', 'at [redacted]', { DATABASE_URL: 'postgres://u:p@db/main?x=1' }],
  [
    'a password inside a URL',
    'password "p%40ssw0rd" or p@ssw0rd',
    'password "[redacted]" or [redacted]',
    { MAIN_URL: 'postgres://u:p%40ssw0rd@db/main' },
  ],
  [
    'a password inside a URL with several hosts',
    'password "p%40ssw0rd" or p@ssw0rd',
    'password "[redacted]" or [redacted]',
    { MAIN_URL: 'postgres://u:p%40ssw0rd@a:5433,b:5434/main' },
  ],
  ['a password with an @ in it', 'p@ss/w0rd', '[redacted]', { MAIN_URL: 'postgres://u:p@ss/w0rd@db/main' }],
  [
    'a password in key-value pairs',
    "it's open sesame",
    '[redacted]',
    { MAIN_URL: "host=db password='it\\'s open sesame'" },
  ],
  [
    "a password among a URL's parameters",
    'said s3same-open',
    'said [redacted]',
    { MAIN_URL: 'postgres:///x?password=s3same%2Dopen' },
  ],
  ['a line of a key', 'has abcdef123', 'has [redacted]', { SIGNING_KEY: '--begin--\nabcdef123\n--end---' }],
  ['the longer of two secrets', 'x secret-long y', 'x [redacted] y', { A_SECRET: 'secret', B_SECRET: 'secret-long' }],
  ['any URL', 'GET http://inner:9100/metrics, redis://:pw@r.', 'GET [url] [url]', {}],
  ['an assigned password', 'host=db password=abc user=x', 'host=db password=[redacted] user=x', {}],
  ['a JSON token', '{"token": "a b", "n": 1}', '{"token": [redacted], "n": 1}', {}],
  ['a password in a sentence', 'with password: abc1 it failed', 'with password: [redacted] it failed', {}],
  ['a bearer token', 'Authorization: Bearer abcdefgh', 'Authorization: [redacted]', {}],
])('%s is not shown', (_name, text, shown, env: NodeJS.ProcessEnv) => {
  expect(redact(text, env)).toBe(shown);
});

test.each([
  ['ordinary variables', 'in production', { NODE_ENV: 'production' }],
  ['values too short to be secrets', 'no it is', { MY_KEY: 'no' }],
  ['ordinary words', 'password authentication failed for user x', {}],
])('%s stay as they are', (_name, text, env: NodeJS.ProcessEnv) => {
  expect(redact(text, env)).toBe(text);
});

/** Passwords and tokens as people and machines make them; none is a word of a language. */
const strong = fc.oneof(
  fc.string({ minLength: 6, maxLength: 30 }).filter((s) => s.trim() === s && /[^A-Za-z0-9]|[a-z]\d|\d[a-z]/.test(s)),
  fc.stringMatching(/^[A-Za-z0-9+/]{8,40}[0-9][a-z][A-Z]$/),
);
const word = fc.constantFrom('put', 'secret', 'password', 'Summer', 'production', 'HUNTER', '123456');

test('a secret never survives, wherever it stands', () => {
  fc.assert(
    fc.property(strong, fc.string(), fc.string(), (value, before, after) => {
      fc.pre(!'[redacted][url]'.includes(value));
      expect(redact(`${before}${value}${after}`, { X_SECRET: value })).not.toContain(value);
    }),
  );
});

/** How programs and servers show what they were given. */
const SHOWN: readonly ((secret: string) => string)[] = [
  (secret) => `https://ana:${encodeURIComponent(secret)}@prometheus/api?token=${encodeURIComponent(secret)}`,
  (secret) => `at ana:${secret}@prometheus:9090`,
  (secret) => `X-Api-Key: ${secret}`,
  (secret) => `> authorization: Bearer ${secret}`,
  (secret) => `> authorization: Basic ${Buffer.from(`ana:${secret}`).toString('base64')}`,
  (secret) => `sent ${Buffer.from(`ana:${secret}`).toString('base64')} to it`,
  (secret) => `{"a":[1,${JSON.stringify(secret)}],"b":2}`,
  (secret) => `no such user '${secret}' here`,
  (secret) => `password=${secret}`,
  (secret) => `a=1&p=${encodeURIComponent(secret)}&b=2`,
  (secret) => `first line\n${secret}\nlast line`,
];

test.each(SHOWN.map((show) => [show('S'), show] as const))('no secret is seen in %s', (_name, show) => {
  const secret = fc.oneof(
    strong,
    word.filter((text) => text.length >= 6),
  );
  fc.assert(
    fc.property(secret, (value) => {
      fc.pre(!'[redacted][url]'.includes(value));
      const shown = redact(show(value), { X_SECRET: value });
      for (const form of [value, encodeURIComponent(value), Buffer.from(`ana:${value}`).toString('base64')])
        expect(shown.replace(/^password/, '')).not.toContain(form);
    }),
  );
});

test('what one server was sent is not seen in its answer, however short', () => {
  for (const show of SHOWN) expect(conceal(show('put'), { token: { variable: 'T', value: 'put' } })).not.toMatch(/put/);
});

test('our own texts stay as they are, though a secret is a word of theirs', async () => {
  const texts = await ownTexts('src');
  expect(texts.length).toBeGreaterThan(3_000);
  const env = Object.fromEntries(
    ['put', 'secret', 'password', 'variable', 'worker', 'production'].map((one) => [`${one}_TOKEN`, one]),
  );
  const eaten = texts.filter((text) => redact(text, env) !== text);
  expect(eaten).toEqual([]);
});

test.each([
  ['it wants a token: put one into a variable of the worker (HTTP status 401)'],
  ['password: missing, expected text; token: not set; secret: unknown'],
  ['expected another header: use auth for this one'],
  ['basic authentication failed for the bearer token of the variable SHOP_TOKEN'],
])('a sentence is no assignment: %s', (text) => {
  expect(redact(text, {})).toBe(text);
});

test('a megabyte is redacted in a moment', () => {
  const before = cpuMs();
  redact('a.b-'.repeat(250_000), {});
  redact('password'.repeat(120_000), {});
  expect(cpuMs() - before).toBeLessThan(2_000);
});

test('what a variable that a runbook names holds is a secret, whatever it is called', () => {
  const env = { PLAIN_ONE: 'open-sesame' };
  expect(redact('said open-sesame', env)).toBe('said open-sesame');
  keepSecret('PLAIN_ONE');
  expect(redact('said open-sesame', env)).toBe('said [redacted]');
});

/** Every text in the source that a person could read: with blanks, and without a URL, which is never shown. */
async function ownTexts(folder: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
  const texts: string[] = [];
  for (const file of files) {
    const look = (node: ts.Node): void => {
      if (
        ts.isStringLiteralLike(node) ||
        ts.isTemplateHead(node) ||
        ts.isTemplateMiddle(node) ||
        ts.isTemplateTail(node)
      )
        texts.push(node.text);
      ts.forEachChild(node, look);
    };
    look(ts.createSourceFile(file, await readFile(join(folder, file), 'utf8'), ts.ScriptTarget.Latest));
  }
  return texts.filter((text) => text.includes(' ') && !text.includes('://'));
}

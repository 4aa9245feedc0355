import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
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
  ['a line of a key', 'has abcdef123', 'has [redacted]', { SIGNING_KEY: '--begin--\nabcdef123\n--end---' }],
  ['the longer of two secrets', 'x secret-long y', 'x [redacted] y', { A_SECRET: 'secret', B_SECRET: 'secret-long' }],
  ['any URL', 'GET http://inner:9100/metrics, redis://:pw@r.', 'GET [url] [url]', {}],
  ['an assigned password', 'host=db password=abc user=x', 'host=db password=[redacted] user=x', {}],
  ['a JSON token', '{"token": "a b", "n": 1}', '{"token": [redacted], "n": 1}', {}],
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

test('a secret never survives, wherever it stands', () => {
  const secret = fc
    .string({ minLength: 6, maxLength: 30 })
    .filter((s) => s.trim().length >= 6 && !'[redacted][url]'.includes(s.trim()));
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
      expect(redact(`${before}${value}${after}`, { X_SECRET: value })).not.toContain(value.trim());
    }),
  );
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

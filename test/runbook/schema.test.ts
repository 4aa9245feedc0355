import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { duration, name, share, version } from '../../src/runbook/scalars.ts';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const MONTH = 30 * 24 * UNITS.h;

describe('durations', () => {
  test('are exact milliseconds, whatever the unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 720 }), fc.constantFrom('ms', 's', 'm', 'h'), (amount, unit) => {
        expect(duration.parse(`${amount}${unit}`)).toBe(amount * UNITS[unit]);
      }),
    );
  });

  test('are positive, whole and bounded whatever is written, or refused', () => {
    const written = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.bigInt({ min: 0n, max: 10n ** 400n }), fc.constantFrom('ms', 's', 'm', 'h', '', 'd'))
        .map((parts) => parts.join('')),
      fc.anything(),
    );
    fc.assert(
      fc.property(written, (text) => {
        const result = duration.safeParse(text);
        if (!result.success) return;
        expect(Number.isSafeInteger(result.data)).toBe(true);
        expect(result.data).toBeGreaterThan(0);
        expect(result.data).toBeLessThanOrEqual(MONTH);
      }),
    );
  });

  test.each(['0s', '-5m', '10', '10 m', '10mm', '1h30m', '1.5h', '1e3s', 'banana', '', '5m\n', '721h', '٥m', 10, null])(
    'refuse %j',
    (text) => expect(duration.safeParse(text).success).toBe(false),
  );
});

describe('shares', () => {
  test('are fractions between 0 and 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999 }), (hundredths) => {
        expect(share.parse(`${hundredths / 100}%`)).toBeCloseTo(hundredths / 10_000, 10);
      }),
    );
    expect(share.parse('5%')).toBe(0.05);
  });

  test('lie inside whatever is written, or are refused', () => {
    const digits = fc.stringMatching(/^[0-9]{0,400}(\.[0-9]{0,400})?%?$/);
    fc.assert(
      fc.property(fc.oneof(digits, fc.string({ unit: 'binary' }), fc.anything()), (text) => {
        const result = share.safeParse(text);
        if (result.success) expect(result.data > 0 && result.data < 1).toBe(true);
      }),
    );
  });

  test.each([
    '5',
    0.05,
    '0%',
    '100%',
    '105%',
    '-5%',
    '5 %',
    '.5%',
    '5.%',
    '1e1%',
    '5%\n',
    '%',
    `99.${'9'.repeat(40)}%`,
  ])('refuse %j', (text) => expect(share.safeParse(text).success).toBe(false));
});

/** Each of these has gone wrong somewhere: options, paths, shells, lookalikes, terminals, sizes, built-ins. */
const HOSTILE = [
  '',
  ' ',
  '-',
  '--help',
  '-rf',
  '2.5.0 --force',
  ' 2.5.0',
  '2.5.0 ',
  '2.5.0\n',
  '\n2.5.0',
  '2.5.0\r',
  '2.5.0\0',
  '2.5.0\t',
  '../../etc/passwd',
  '..',
  '.',
  '2..5',
  '/etc/passwd',
  'a/b',
  'a\\b',
  '%2e%2e',
  '{version}',
  '$(id)',
  '`id`',
  'a;b',
  'a|b',
  'a&b',
  'a"b',
  "a'b",
  'a*',
  '~',
  'ünïcode',
  '２.5.0',
  '2.5.0\u202e',
  '2.5.0\u200b',
  '\ud800',
  '2.5.0\u2028',
  'x'.repeat(10_240),
  '__proto__',
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
]; // prettier-ignore

describe.each([
  ['a version', version],
  ['a name of a service or environment', name],
])('%s', (_what, schema) => {
  test.each(HOSTILE.map((text) => [text.slice(0, 40), text]))('is never %j', (_shown, text) => {
    expect(schema.safeParse(text).success).toBe(false);
  });

  test('is safe as an argument, in a path, in a URL and as a key, whatever is sent', () => {
    const nearly = fc.stringMatching(/^[A-Za-z0-9._+/ -]{0,140}$/);
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary', maxLength: 200 }), fc.anything()), (sent) => {
        const result = schema.safeParse(sent);
        if (!result.success) return;
        const text = result.data;
        expect(text).toBe(sent);
        expect(text).toMatch(/^[A-Za-z0-9]/);
        expect(text).not.toMatch(/[^A-Za-z0-9._+-]|\.\./);
        expect(text.length).toBeLessThanOrEqual(128);
        expect(new URL(`http://h/a/${text}/b`).pathname).toBe(`/a/${text}/b`);
        expect(text in {}).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(['1', 'a', 'recommendation', 'blue-2', 'x'.repeat(63)])('may be %s', (text) => {
    expect(schema.parse(text)).toBe(text);
  });
});

test.each(['2.5.0', 'v2.5.0-rc.1+build.7', '2026-11-24_1', 'DEADBEEF'])('a version may be %s', (text) => {
  expect(version.parse(text)).toBe(text);
});

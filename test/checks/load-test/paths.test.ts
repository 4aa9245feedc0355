import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createPathPicker, pathProblem } from '../../../src/checks/load-test/weighted-paths.ts';

describe('the picker', () => {
  test('picks by weight', () => {
    const next = createPathPicker([
      { path: '/often', weight: 7 },
      { path: '/rarely', weight: 1 },
      { path: '/sometimes', weight: 2 },
    ]);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 20_000; i += 1) {
      const path = next();
      counts[path] = (counts[path] ?? 0) + 1;
    }
    // Six standard deviations are less than 400 of 20,000.
    expect(Math.abs((counts['/often'] ?? 0) - 14_000)).toBeLessThan(400);
    expect(Math.abs((counts['/rarely'] ?? 0) - 2_000)).toBeLessThan(400);
    expect(Math.abs((counts['/sometimes'] ?? 0) - 4_000)).toBeLessThan(400);
  });

  // Every second, every third request, and the sandbox router's own rhythm.
  test.each([
    ['every second', (n: number) => n % 2 === 0, 1 / 2],
    ['every third', (n: number) => n % 3 === 0, 1 / 3],
    ['the golden ratio', (n: number) => (n * 0.6180339887498949) % 1 < 0.5, 1 / 2],
  ])('does not fall in step with a rhythm of what is behind it: %s', (_name, isTheirs, share) => {
    const next = createPathPicker([
      { path: '/a', weight: 1 },
      { path: '/b', weight: 1 },
    ]);
    const theirs = Array.from({ length: 20_000 }, (_, n) => [next(), isTheirs(n)] as const).filter(([, is]) => is);
    expect(Math.abs(theirs.length / 20_000 - share)).toBeLessThan(0.01);
    const ofA = theirs.filter(([path]) => path === '/a').length;
    expect(Math.abs(ofA / theirs.length - 0.5)).toBeLessThan(0.05);
  });

  test('fills each placeholder anew with a whole number between its bounds, both included', () => {
    const next = createPathPicker([{ path: '/u/{random:3:6}/i/{random:0:9}?v=2', weight: 1 }]);
    const paths = Array.from({ length: 2_000 }, next);
    for (const path of paths) expect(path).toMatch(/^\/u\/[3-6]\/i\/[0-9]\?v=2$/);
    expect(new Set(paths).size).toBe(40);
  });

  test('stays within the bounds, whatever they are', () => {
    const bound = fc.nat(999_999_999_999_999);
    fc.assert(
      fc.property(bound, bound, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const path = `/{random:${from}:${to}}`;
        expect(pathProblem(path)).toBeUndefined();
        const filled = Number(createPathPicker([{ path, weight: 1 }])().slice(1));
        expect(Number.isSafeInteger(filled) && filled >= from && filled <= to).toBe(true);
      }),
    );
  });
});

describe('what is wrong with a path', () => {
  test.each(['/', '/a/b?c=%7B1%7D&d=é'.replace('é', '%C3%A9'), '/recommendations?user={random:1:20000}', '/u/{id}'])(
    'nothing: %s',
    (path) => expect(pathProblem(path)).toBeUndefined(),
  );

  test.each([
    ['a', 'begins with /'],
    ['', 'begins with /'],
    ['/a b', 'percent-encoded'],
    ['/é', 'percent-encoded'],
    ['/a\n', 'percent-encoded'],
    ['/a#b', 'without #'],
    ['/{random:9:1}', 'found {random:9:1}, expected the smaller number first'],
    ['/{random:1}', 'braces only in {random:FROM:TO}'],
    ['/{rnd:1:2}', 'braces only in {random:FROM:TO}'],
    ['/{a-b}', 'braces only in {random:FROM:TO}'],
    ['/{random:1:2}}', 'braces only in {random:FROM:TO}'],
  ])('%j', (path, problem) => expect(pathProblem(path)).toContain(problem));
});

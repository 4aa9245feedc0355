import { expect, test } from '@jest/globals';
import { startLoad } from '../../src/sandbox/load.ts';
import { createPicker, type Route } from '../../src/sandbox/router.ts';
import { eventually } from './support.ts';

const routes = (green: number): Route[] => [
  { version: 'blue', origins: ['http://blue'], percentage: 100 - green },
  { version: 'green', origins: ['http://green'], percentage: green },
];

test.each([0, 1, 10, 50, 99, 100])('at %d %% the picker is off by a few requests at most', (percentage) => {
  const pick = createPicker();
  const picked = Array.from({ length: 3_000 }, () => pick(routes(percentage))?.version);
  const green = picked.filter((version) => version === 'green').length;
  expect(Math.abs(green - 30 * percentage)).toBeLessThanOrEqual(3);
  expect(picked).not.toContain(undefined);
});

test('every second request does not always go to the same version', () => {
  const pick = createPicker();
  const picked = Array.from({ length: 1_000 }, () => pick(routes(50))?.version);
  const green = picked.filter((version, index) => index % 2 === 0 && version === 'green').length;
  expect(Math.abs(green - 250)).toBeLessThan(15);
});

test('the load keeps its rate while nothing is answered, and counts latency from when a request was due', async () => {
  const waiting: (() => void)[] = [];
  const load = startLoad(200, () => new Promise((resolve) => waiting.push(() => resolve(true))));
  const began = performance.now();
  await eventually(async () => (waiting.length >= 100 ? true : undefined), '100 requests under way');
  const tookMs = performance.now() - began;
  load.stop();
  for (const answer of waiting) answer();
  await Promise.resolve();

  expect(tookMs).toBeGreaterThan(450);
  await eventually(async () => {
    const { p95Ms, requests } = load.report();
    return requests > 0 ? (expect(p95Ms).toBeGreaterThan(400) ?? true) : undefined;
  }, 'a report');
});

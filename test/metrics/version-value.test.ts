import { expect, test } from '@jest/globals';
import { builtIn } from '../../src/built-in.ts';
import { valueOf, versionValue } from '../../src/metrics/version-value.ts';
import type { MetricInterval } from '../../src/plugin/metric-source.ts';
import { createRegistry } from '../../src/plugin/registry.ts';
import { useServers } from '../support/http.ts';
import { metricsSchema } from './support/counters.ts';

/** Versions that the metrics write otherwise than the release is called. */

const serve = useServers();
const signal = new AbortController().signal;
const limits = { errorRate: 0.05 };

test.each<[string, unknown, string, string]>([
  ['as it is called', '{version}', '2.5.0', '2.5.0'],
  ['with a v before it', 'v{version}', '2.5.0', 'v2.5.0'],
  ['as a Kubernetes label', { replace: { '+': '_' } }, '2024.11.3-rc.1+build5', '2024.11.3-rc.1_build5'],
  ['as a short commit id', { length: 7 }, '3f9c2ab41d0e', '3f9c2ab'],
  ['as an image tag', { value: 'release-{version}', replace: { '.': '-', '+': '-' } }, '1.2.3+4', 'release-1-2-3-4'],
  ['with signs that a replacement could take for its own', 'x$&{version}', "$'1", "x$&$'1"],
])('a version is found %s', (_name, given, version, value) => {
  expect(valueOf(versionValue.parse(given), version)).toBe(value);
});

test.each([['v'], [{ length: 2 }], [{ value: 'v' }], [{ replace: 1 }], [7]])('%j is refused', (given) => {
  const parsed = versionValue.safeParse(given);
  expect(parsed.error?.issues.map(({ message }) => message).join()).toMatch(/expected/);
});

async function sourceOf(given: unknown, compared: { blue: string; green: string }, page: () => string) {
  const { origin } = await serve((_, response) => response.end(page()));
  const config = metricsSchema.parse({
    kind: 'scrape',
    targets: [`${origin}/metrics`],
    requests: 'http_requests_total',
    versionValue: given,
  });
  const target = { deployment: 'd', service: 's', environment: 'e', digest: 'x', ...compared };
  return createRegistry([builtIn]).metrics(config, { target, env: {}, log: console, limits, compared });
}

test('blue and green are counted by their own names, and the baseline finds nothing wrong', async () => {
  let served = 100;
  const page = () =>
    `http_requests_total{version="v1_a",code="200"} ${served}\nhttp_requests_total{version="v2_b",code="500"} ${served - 90}\n` +
    `http_requests_total{version="v0",code="200"} ${served}\n`;
  const source = await sourceOf({ value: 'v{version}', replace: { '+': '_' } }, { blue: '1+a', green: '2+b' }, page);
  const found = await source.inspect?.(null, signal);
  expect(found?.problems).toEqual([]);
  expect(new Set(Object.values(found?.series ?? {}).map(({ version }) => version))).toEqual(
    new Set(['1+a', '2+b', 'v0']),
  );
  served = 130;
  const { intervals } = await source.read(found?.cursor ?? null, signal);
  const counted = intervals.map(({ counts }: MetricInterval) => counts);
  expect(counted).toEqual([
    {
      '1+a': expect.objectContaining({ requests: 30, failed: 0 }),
      '2+b': expect.objectContaining({ requests: 30, failed: 30 }),
      v0: expect.objectContaining({ requests: 30 }),
    },
  ]);
});

test('two versions that are written alike cannot be told apart, and that is said', async () => {
  const page = () => 'http_requests_total{version="3f9c2ab",code="200"} 1\n';
  const source = await sourceOf({ length: 7 }, { blue: '3f9c2ab4', green: '3f9c2ab5' }, page);
  await expect(source.read(null, signal)).rejects.toMatchObject({
    type: 'MetricsUnavailable',
    message: expect.stringContaining('write 3f9c2ab4 and 3f9c2ab5 alike, as "3f9c2ab"'),
  });
});

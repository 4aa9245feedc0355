import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { countersFor } from '../../src/metrics/counters.ts';
import { type FailureRule, failed as failedSchema, failsBy, failureRule } from '../../src/metrics/failure.ts';
import { metricsProblems } from '../../src/metrics/preflight.ts';
import { useServers } from '../support/http.ts';
import { describeWithPrometheus, PAGE, startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { createPrometheus, createScrape, metricsSchema } from './support/counters.ts';

/** What failed means, in every way a runbook can say it: green answers 60 requests of 100, and fails 40. */

interface Scheme {
  readonly name: string;
  readonly failed: unknown;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const SCHEMES: readonly Scheme[] = [
  { name: 'HTTP statuses', failed: 'status', good: ['200', '302', '404', '429'], bad: ['500', '503', '599', '0'] },
  { name: 'classes of statuses', failed: 'status', good: ['2xx', '4XX'], bad: ['5xx', 'other'] },
  { name: 'statuses and 429', failed: { status: ['5xx', 429] }, good: ['200', '404', '428'], bad: ['429', '502', '-'] },
  { name: 'a range of statuses', failed: { status: ['502-504'] }, good: ['200', '500'], bad: ['502', '503', '504'] },
  { name: 'all but 2xx and 3xx', failed: { status: ['4xx', '5xx'] }, good: ['200', '301'], bad: ['404', '4xx', '500'] },
  { name: 'gRPC codes by number', failed: 'grpc', good: ['0', '5', '16'], bad: ['2', '13', '14'] },
  { name: 'gRPC codes as in Go', failed: 'grpc', good: ['OK', 'NotFound', 'Canceled'], bad: ['Internal', 'DataLoss'] },
  {
    name: 'gRPC codes as in Java',
    failed: 'grpc',
    good: ['OK', 'NOT_FOUND', 'CANCELLED'],
    bad: ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNAVAILABLE'],
  },
  {
    name: 'an outcome',
    failed: { values: ['SERVER_ERROR'] },
    good: ['SUCCESS', 'CLIENT_ERROR'],
    bad: ['SERVER_ERROR'],
  },
  { name: 'values with signs', failed: { values: ['a.b|c', '(x)'] }, good: ['a-b', 'c', 'x'], bad: ['a.b|c', '(x)'] },
  { name: 'a pattern', failed: { pattern: '5..|429' }, good: ['200', '404'], bad: ['500', '429'] },
  { name: 'a pattern of answers', failed: { answeredPattern: '[234]..' }, good: ['200', '404'], bad: ['500', '-'] },
  { name: 'success', failed: { answered: ['success'] }, good: ['success'], bad: ['failure', 'timeout'] },
];

const versions = { blue: 'v1', green: 'v2' };
const limits = { errorRate: 0.05 };
const signal = new AbortController().signal;

/** Blue's 100 requests went well, and of green's 100 a part as said. */
function page({ good, bad }: Scheme, metric: string): string {
  const of = (version: string, codes: readonly string[], count: number) =>
    codes.map((code, index) => {
      const share = Math.floor(count / codes.length) + (index === 0 ? count % codes.length : 0);
      return `${metric}{version="${version}",code=${JSON.stringify(code)}} ${share}`;
    });
  return `${[...of('v1', good, 100), ...of('v2', good, 60), ...of('v2', bad, 40)].join('\n')}\n`;
}

const ruleOf = (failed: unknown) => failureRule(failedSchema.parse(failed) as Parameters<typeof failureRule>[0]);
const PLACE = 'http://127.0.0.1/metrics';
const keys = (failed: unknown) => ({ requests: 'http_requests_total', failed, poll: '1s' });

describe('a page', () => {
  const serve = useServers();

  test.each(SCHEMES)('with $name', async (scheme) => {
    const { origin } = await serve((_, response) => response.end(page(scheme, 'http_requests_total')));
    const config = metricsSchema.parse({ kind: 'scrape', targets: [`${origin}/metrics`], ...keys(scheme.failed) });
    const inspection = await createScrape(config, limits, { env: {}, versions }).inspect(signal);
    expect(metricsProblems(inspection, { ...versions, limits })).toEqual([]);
    expect(Object.values(inspection.series)).toEqual([
      expect.objectContaining({ version: 'v1', requests: 100, failed: 0 }),
      expect.objectContaining({ version: 'v2', requests: 100, failed: 40 }),
    ]);
  });
});

describeWithPrometheus('a real Prometheus', () => {
  const serve = useServers();
  let prometheus: TestPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());

  test('reads each scheme as a page does, one by one and added up by itself', async () => {
    const metricOf = (index: number) => `requests_${index}_total`;
    const { origin } = await serve((_, response) =>
      response.writeHead(200, PAGE).end(SCHEMES.map((scheme, index) => page(scheme, metricOf(index))).join('')),
    );
    const scrape_configs = [{ job_name: 'schemes', static_configs: [{ targets: [new URL(origin).host] }] }];
    await prometheus.reload({ more: { scrape_configs } });
    for (const [index, { name, failed }] of SCHEMES.entries()) {
      const config = metricsSchema.parse({
        kind: 'prometheus',
        url: prometheus.url,
        selector: { job: 'schemes' },
        ...keys(failed),
        requests: metricOf(index),
      });
      const source = createPrometheus(config, limits, { env: {}, versions });
      const inspect = async () => {
        for (;;) {
          const found = await source.inspect(null, signal).catch((error: unknown) => {
            if (!/no fresh sample|no version at all|no series/.test(String(error))) throw error; // not scraped yet
          });
          if (found) return found;
        }
      };
      const inspection = await inspect();
      expect([name, metricsProblems(inspection, { ...versions, limits })]).toEqual([name, []]);
      expect([name, inspection.series]).toEqual([
        name,
        {
          v1: expect.objectContaining({ requests: 100, failed: 0 }),
          v2: expect.objectContaining({ requests: 100, failed: 40 }),
        },
      ]);
      const { operator, value } = ruleOf(failed).failed;
      const query = `sum by (version) (${metricOf(index)}{code${operator}${JSON.stringify(value)}})`;
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const { data } = (await answer.json()) as { data: { result: { metric: object; value: [number, string] }[] } };
      expect([name, data.result.map(({ metric, value: [, sum] }) => [metric, sum])]).toEqual([
        name,
        [[{ version: 'v2' }, '40']],
      ]);
    }
  });
});

test('what a rule does not know is a failure, unless the runbook lists the failures', () => {
  const isListed = ({ failed }: FailureRule) => failed.operator === '=~';
  const rules = SCHEMES.map(({ failed }) => ruleOf(failed));
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom('4xx', '200', 'OK', '13')),
      fc.constantFrom(...rules),
      (value, rule) => {
        if (!rule.knows(value) && !isListed(rule)) expect(failsBy(rule)(value)).toBe(true);
      },
    ),
  );
});

test.each<[string, unknown, readonly string[], RegExp]>([
  ['statuses where gRPC codes are expected', 'grpc', ['200', '500'], /code="200", "500", expected a gRPC code/],
  ['gRPC codes where statuses are expected', 'status', ['OK', 'Internal'], /expected an HTTP status/],
  [
    'classes where only a part of a class fails',
    { status: ['5xx', 429] },
    ['2xx', '4xx'],
    /code="4xx", expected an HTTP/,
  ],
  ['no value that means an answer', { answered: ['sucess'] }, ['success', 'failure'], /expected one of "sucess"/],
])('%s are refused before the shift', async (_name, failed, codes, found) => {
  const inspection = {
    series: { v1: { version: 'v1', requests: 100, failed: 0, slow: 0, seconds: 0 } },
    first: {},
    counters: await countersFor(
      metricsSchema.parse({ kind: 'scrape', targets: [PLACE], ...keys(failed) }),
      versions,
    )(signal),
    versions: { v1: { size: 2, statuses: codes, mixed: [], doubled: [], ends: [], hasNative: false } },
    slowAbove: [],
    clocks: [],
  };
  expect(metricsProblems(inspection, { ...versions, limits })).toEqual([
    { found: expect.stringMatching(found), unblock: expect.stringContaining('metrics.failed') },
  ]);
});

test.each([[{ status: ['6xx'] }], [{ status: [] }], [{ values: [] }], ['http'], [{ status: ['5xx'], values: ['a'] }]])(
  '%j is refused with what is expected',
  (failed) => {
    const parsed = metricsSchema.safeParse({ kind: 'scrape', targets: [PLACE], ...keys(failed) });
    expect(parsed.error?.issues.map(({ message }) => message).join()).toMatch(/expected/);
  },
);

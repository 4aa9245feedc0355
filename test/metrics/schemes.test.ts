import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { builtIn } from '../../src/built-in.ts';
import { createJudge, sequentialRules } from '../../src/judge/index.ts';
import type { FreshCounts, MetricSource } from '../../src/plugin/metric-source.ts';
import { createRegistry } from '../../src/plugin/registry.ts';
import { useServers } from '../support/http.ts';
import { describeWithPrometheus, PAGE, startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { countsOf, createPrometheus, metricsSchema } from './support/counters.ts';
import { pageOf, SCHEMES, type Served, SLOTS, VERSIONS } from './support/schemes.ts';

/** Every way to count requests, with a good release, one that fails 40 %, and one that is slow. */

const limits = { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } };
const signal = new AbortController().signal;
const NOTHING: Served = { answered: 0, failed: 0, slow: 0 };
const BEFORE: Served = { answered: 1_000, failed: 2, slow: 3 };
const GOOD: Served = { answered: 999, failed: 1, slow: 2 };
const RELEASES = {
  good: { served: GOOD, verdict: 'healthy' },
  failing: { served: { answered: 600, failed: 400, slow: 2 }, verdict: 'breached' },
  slow: { served: { answered: 999, failed: 1, slow: 400 }, verdict: 'breached' },
} as const;
type Release = keyof typeof RELEASES;
const names = Object.keys(RELEASES) as Release[];

function sourceOf(config: unknown, measuresLatency: boolean): MetricSource {
  const target = { deployment: 'd', service: 's', environment: 'e', digest: 'x', ...VERSIONS };
  return createRegistry([builtIn]).metrics(metricsSchema.parse(config), {
    target,
    env: {},
    log: console,
    limits: measuresLatency ? limits : { errorRate: limits.errorRate },
    compared: VERSIONS,
    slots: () => Promise.resolve(SLOTS),
  });
}

/** What the judge says of a soak in which every interval is like this. */
function verdictOf(green: FreshCounts, blue: FreshCounts, measuresLatency: boolean) {
  const rules = sequentialRules({ limits: measuresLatency ? limits : { errorRate: limits.errorRate }, pollMs: 15_000 });
  const judge = createJudge(rules);
  let state = judge.start(0, { soakMs: 600_000, greenShare: 0.5 });
  for (let index = 0; index < 40; index += 1) {
    const [from, to] = [index * 15_000, (index + 1) * 15_000];
    state = judge.observe(state, { from, to, green, blue });
    const { verdict } = judge.judge(state, to);
    if (verdict === 'breached') return verdict;
  }
  return judge.judge(state, 600_000).verdict;
}

/** The selector of a runbook, and only this scheme's series. */
function withScheme(selector: unknown, index: number): unknown {
  if (typeof selector === 'string') return selector.replace(/\}$/, `,scheme="${index}"}`);
  return { ...(selector as object | undefined), scheme: String(index) };
}

function plus(one: Served, other: Served): Served {
  return {
    answered: one.answered + other.answered,
    failed: one.failed + other.failed,
    slow: one.slow + other.slow,
  };
}

function expected({ answered, failed, slow }: Served, measuresLatency: boolean) {
  return { requests: answered + failed, failed, ...(measuresLatency && { slow }) };
}

describe('a page', () => {
  const serve = useServers();

  test.each(SCHEMES)('with $name', async (scheme) => {
    for (const name of names) {
      const { served, verdict } = RELEASES[name];
      let [blue, green] = [BEFORE, NOTHING];
      const { origin } = await serve((_, response) => response.end(pageOf(scheme, blue, green)));
      const config = { kind: 'scrape', targets: [`${origin}/metrics`], ...scheme.keys };
      const source = sourceOf(config, scheme.measuresLatency);
      const first = await source.inspect?.(null, signal);
      expect([name, first?.problems]).toEqual([name, []]);
      [blue, green] = [plus(blue, GOOD), plus(green, served)];
      const { intervals } = await source.read(first?.cursor ?? null, signal);
      const [ofBlue, ofGreen] = [countsOf(intervals, VERSIONS.blue), countsOf(intervals, VERSIONS.green)];
      expect([name, ofBlue]).toEqual([name, expect.objectContaining(expected(GOOD, scheme.measuresLatency))]);
      expect([name, ofGreen]).toEqual([name, expect.objectContaining(expected(served, scheme.measuresLatency))]);
      if (name !== 'slow' || scheme.measuresLatency)
        expect([name, verdictOf(ofGreen, ofBlue, scheme.measuresLatency)]).toEqual([name, verdict]);
    }
  });
});

/** How a runbook may say what failed, rightly or not, without listing what failed. */
const RULES = [
  'status',
  'grpc',
  { status: ['5xx', 429] },
  { answered: ['success'] },
  { answered: ['OK', 'ok'] },
  { answeredPattern: '[234]..|ok' },
];
const WORDS = [
  ['200', '500'],
  ['2xx', '5xx'],
  ['404', '0'],
  ['OK', 'Internal'],
  ['0', '14'],
  ['success', 'failure'],
  ['ok', 'error'],
  ['true', 'false'],
] as const;

test('no label scheme, rightly described or not, is healthy with 40 % failures', async () => {
  let page = '';
  const server = createServer((_, response) => response.end(page));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const label = fc.constantFrom('code', 'status', 'outcome', 'version', 'release', 'backend', 'pod');
  let breached = 0;
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          metric: fc.constantFrom('requests_total', 'http_seconds_count'),
          words: fc.constantFrom(...WORDS),
          rule: fc.constantFrom(...RULES),
          code: fc.uniqueArray(label, { minLength: 2, maxLength: 2 }),
          said: fc.record({ code: fc.boolean(), version: fc.boolean() }),
          value: fc.constantFrom('{version}', 'v{version}', 'rec-{version}-x'),
          saidValue: fc.constantFrom('{version}', 'v{version}', 'rec-{version}-x'),
          way: fc.constantFrom('versionLabel', 'slotLabel', 'versionSelector'),
          noise: fc.boolean(),
        }),
        async ({ metric, words: [good, bad], rule, code: [codeLabel = '', versionLabel = ''], said, ...given }) => {
          const { value, saidValue, way, noise } = given;
          const lines = (version: string, { answered, failed }: Served) =>
            [good, bad].map((word, index) => {
              const written = way === 'slotLabel' ? SLOTS[version] : value.replace('{version}', version);
              const more = noise ? `,path="/${index}",instance="a:1"` : '';
              return `${metric}{${codeLabel}="${word}",${versionLabel}="${written}"${more}} ${index === 0 ? answered : failed}`;
            });
          const show = (blue: Served, green: Served) => {
            page = `${[...lines(VERSIONS.blue, blue), ...lines(VERSIONS.green, green)].join('\n')}\n`;
          };
          const wanted = said.version ? versionLabel : codeLabel;
          const sides = {
            versionLabel: { versionLabel: wanted, versionValue: saidValue },
            slotLabel: { slotLabel: wanted },
            versionSelector: { versionSelector: { [wanted]: saidValue } },
          };
          const source = sourceOf(
            {
              kind: 'scrape',
              targets: [`http://127.0.0.1:${port}/metrics`],
              requests: metric,
              codeLabel: said.code ? codeLabel : versionLabel,
              failed: rule,
              ...sides[way],
            },
            false,
          );
          show(BEFORE, NOTHING);
          const first = await source.inspect?.(null, signal).catch(() => undefined);
          if (!first || first.problems.length > 0) return; // refused
          show(plus(BEFORE, GOOD), RELEASES.failing.served);
          const second = await source.read(first.cursor, signal).catch(() => undefined);
          if (!second) return; // no data, which is never healthy
          const [ofBlue, ofGreen] = [
            countsOf(second.intervals, VERSIONS.blue),
            countsOf(second.intervals, VERSIONS.green),
          ];
          const verdict = verdictOf(ofGreen, ofBlue, false);
          expect(verdict).not.toBe('healthy');
          if (verdict === 'breached') breached += 1;
        },
      ),
      { numRuns: 400 },
    );
    expect(breached).toBeGreaterThan(10);
  } finally {
    server.close();
  }
});

describeWithPrometheus('a real Prometheus', () => {
  let prometheus: TestPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());
  const serve = useServers();

  test('reads each scheme as a page does', async () => {
    let [blue, green] = [BEFORE, NOTHING];
    const { origin } = await serve((request, response) => {
      const scheme = SCHEMES[Number(request.url?.slice(1))];
      response.writeHead(200, PAGE).end(scheme ? pageOf(scheme, blue, green) : '');
    });
    await prometheus.reload({
      more: {
        scrape_configs: SCHEMES.map((_, index) => ({
          job_name: `scheme-${index}`,
          metrics_path: `/${index}`,
          honor_labels: true,
          static_configs: [{ targets: [new URL(origin).host], labels: { scheme: String(index) } }],
        })),
      },
    });
    const watched = SCHEMES.map(({ keys, measuresLatency, ...scheme }, index) => {
      const config = {
        kind: 'prometheus',
        url: prometheus.url,
        poll: '1s',
        ...keys,
        selector: withScheme(keys['selector'], index),
        ...(typeof keys['join'] === 'object' && {
          join: { ...keys['join'], selector: withScheme((keys['join'] as { selector?: object }).selector, index) },
        }),
      };
      return { ...scheme, measuresLatency, config, source: sourceOf(config, measuresLatency) };
    });
    const settled = async <Value>(read: () => Promise<Value | undefined>): Promise<Value> => {
      for (;;) {
        const found = await read().catch((error: unknown) => {
          if (!/no fresh sample|no sample|no histogram|no series|no label/.test(String(error))) throw error; // not scraped yet
        });
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    const cursors = await Promise.all(
      watched.map(({ source, name }) =>
        settled(async () => {
          const { problems, cursor } = (await source.inspect?.(null, signal)) ?? {};
          expect([name, problems]).toEqual([name, []]);
          return cursor;
        }),
      ),
    );
    for (const name of names) {
      const { served, verdict } = RELEASES[name];
      [blue, green] = [plus(blue, GOOD), plus(green, served)];
      for (const [index, { source, measuresLatency, name: scheme }] of watched.entries()) {
        const sums = {
          blue: { requests: 0, failed: 0, slow: 0, seconds: 0 },
          green: { requests: 0, failed: 0, slow: 0, seconds: 0 },
        };
        const all = await settled(async () => {
          const { cursor, intervals } = await source.read(cursors[index] ?? null, signal);
          cursors[index] = cursor;
          for (const side of ['blue', 'green'] as const) {
            const more = countsOf(intervals, VERSIONS[side]);
            sums[side] = {
              requests: sums[side].requests + more.requests,
              failed: sums[side].failed + more.failed,
              slow: sums[side].slow + more.slow,
              seconds: sums[side].seconds + more.seconds,
            };
          }
          return sums.green.requests >= served.answered + served.failed ? sums : undefined;
        });
        expect([scheme, name, all.blue]).toEqual([
          scheme,
          name,
          expect.objectContaining(expected(GOOD, measuresLatency)),
        ]);
        expect([scheme, name, all.green]).toEqual([
          scheme,
          name,
          expect.objectContaining(expected(served, measuresLatency)),
        ]);
        if (name !== 'slow' || measuresLatency)
          expect([scheme, name, verdictOf(all.green, all.blue, measuresLatency)]).toEqual([scheme, name, verdict]);
      }
    }

    // Its past is counted alike.
    const to = (Math.ceil(Date.now() / 1_000) + 1) * 1_000; // the last samples are before it
    for (const { source, name } of watched) {
      const question = { version: VERSIONS.blue, from: to - 120_000, to, stepMs: 1_000 };
      const past = await source.history?.(question, { signal });
      const sum = (of: 'requests' | 'failed') => past?.intervals.reduce((all, one) => all + one[of], 0);
      expect([name, sum('requests'), sum('failed')]).toEqual([name, 3_000, 3]);
    }

    // So does Prometheus itself, where it adds the counters up.
    for (const { config, measuresLatency, name } of watched) {
      const { series } = await createPrometheus(
        metricsSchema.parse(config),
        measuresLatency ? limits : { errorRate: 0.05 },
        {
          env: {},
          versions: VERSIONS,
          slots: () => Promise.resolve(SLOTS),
          mostSeries: 0,
        },
      ).inspect(null, signal);
      expect([name, series]).toEqual([
        name,
        expect.objectContaining({
          [VERSIONS.blue]: expect.objectContaining(expected(blue, measuresLatency)),
          [VERSIONS.green]: expect.objectContaining(expected(green, measuresLatency)),
        }),
      ]);
    }
  });
});

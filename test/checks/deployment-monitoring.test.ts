import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/checks/deployment-monitoring/schema.ts';
import type { Finding } from '../../src/plugin/observation.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { useServers } from '../support/http.ts';
import { common, contextFor, withRunbook } from './support/context.ts';
import { createCheck } from './support/create.ts';

/** A router whose page tells what each version got by the clock. */
interface Router {
  url: string;
  /** Requests a second of each version. */
  traffic: Record<string, number>;
  /** Of these requests. */
  failing: number;
  versionLabel: string;
  buckets: number[];
  /** Versions whose durations are recorded; all by default. */
  timed: (version: string) => boolean;
  /** More lines of a version. */
  more: (version: { label: string; count: number }) => string[];
  /** What its Date header says beside this machine's clock; null: it sends none. */
  clockAheadMs: number | null;
  status: number;
  /** A cache that answers with the page of the first request, as it was then, from now on. */
  cached: boolean;
  /** How long the first answer takes. */
  firstTakesMs: number;
  asked: number;
}

const startServer = useServers();
let router: Router;
beforeEach(async () => {
  router = await startRouter();
});

async function startRouter(): Promise<Router> {
  const startedAt = Date.now();
  const state: Router = {
    url: '',
    traffic: { '2.4.0': 1_000 },
    failing: 0,
    versionLabel: 'version',
    buckets: [0.1, 0.5, 1],
    timed: () => true,
    more: () => [],
    clockAheadMs: 0,
    status: 200,
    cached: false,
    firstTakesMs: 0,
    asked: 0,
  };
  let kept: { text: string; date: string } | undefined;
  const answer = (response: ServerResponse) => {
    const now = { text: page(state, Date.now() - startedAt), date: dateOf(Date.now() + (state.clockAheadMs ?? 0)) };
    kept = state.cached ? (kept ?? { ...now, date: dateOf(Date.now() - 60_000) }) : undefined;
    const { text, date } = kept ?? now;
    response.sendDate = false;
    response.writeHead(state.status, state.clockAheadMs === null ? {} : { date }).end(text);
  };
  const { origin } = await startServer((_request, response) => {
    state.asked += 1;
    if (state.asked > 1) answer(response);
    else setTimeout(() => answer(response), state.firstTakesMs);
  });
  state.url = `${origin}/metrics`;
  return state;
}

const dateOf = (ms: number) => new Date(ms).toUTCString();

function page({ traffic, failing, versionLabel, buckets, timed, more }: Router, sinceMs: number): string {
  const lines = ['# TYPE http_requests_total counter', '# TYPE http_request_duration_seconds histogram'];
  for (const [version, perSecond] of Object.entries(traffic)) {
    const count = 10 + Math.floor((perSecond * sinceMs) / 1_000);
    const label = `${versionLabel}="${version}"`;
    lines.push(`http_requests_total{${label},code="200"} ${count}`);
    if (failing > 0) lines.push(`http_requests_total{${label},code="503"} ${Math.floor(count * failing)}`);
    lines.push(...more({ label, count }));
    if (!timed(version)) continue;
    for (const le of [...buckets, '+Inf'])
      lines.push(`http_request_duration_seconds_bucket{${label},le="${le}"} ${count}`);
    lines.push(`http_request_duration_seconds_sum{${label}} ${count * 0.02}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Short times, so that the numbers of real traffic fit into a test. */
const small: Pick<Runbook, 'limits' | 'judge' | 'traffic'> = {
  limits: { errorRate: 0.05, latency: { quantile: 0.95, under: 500 } },
  judge: { rule: 'threshold', batch: 200, minRequests: 50, breachesInARow: 3 },
  traffic: [
    { percentage: 50, soak: 6_000 },
    { percentage: 100, soak: 6_000 },
  ],
};

interface Changes {
  readonly check?: Partial<Config>;
  readonly runbook?: Partial<Runbook>;
  readonly targets?: string[];
  readonly signal?: AbortSignal;
  readonly poll?: number;
}

function contextWith({ runbook: changes, targets = [router.url], signal, poll = 250 }: Changes = {}) {
  const context = contextFor('', signal);
  const metrics = { ...context.runbook.metrics, targets, poll };
  const changed: Runbook = { ...context.runbook, ...small, metrics, ...changes };
  return withRunbook(context, changed);
}

function look(changes: Changes = {}): Promise<Finding> {
  const config = { ...common, kind: 'deployment-monitoring', measureFor: 600, ...changes.check } as const;
  return createCheck(config)(contextWith(changes));
}

function measured({ evidence }: Finding, what: string): string {
  const line = evidence.find((one) => one.what.startsWith(what));
  if (!line) throw new Error(`no evidence on ${what}`);
  return line.measured;
}

/** The seconds by which a clock differs at least: a Date header shows whole ones, and less is sure the longer the reading takes. */
function expectSure(summary: string, aheadMs: number, tookMs: number): void {
  const seconds = Number(/\d+(?= s or more)/.exec(summary));
  const differsBy = Math.abs(aheadMs) / 1_000;
  expect(seconds).toBeLessThanOrEqual(differsBy);
  expect(seconds).toBeGreaterThan(differsBy - 2 - tookMs / 1_000);
}

/** Fails for a cause with these words, tells how to fix it and no address; and passes when the cause is gone. */
async function failsThenPasses(cause: () => void, words: RegExp, fix: () => void, changes: Changes = {}) {
  cause();
  const finding = await look(changes);
  expect(finding).toMatchObject({ passed: false, summary: expect.stringMatching(words), unblock: expect.any(String) });
  expect(JSON.stringify(finding)).not.toMatch(/127\.0\.0\.1|http:/);
  fix();
  expect(await look(changes)).toMatchObject({ passed: true });
  return finding;
}

describe('deployment-monitoring', () => {
  test('passes where the watch has what it needs, with every measure in the evidence', async () => {
    const finding = await look();
    expect(finding).toEqual({
      passed: true,
      summary: expect.stringMatching(
        /^2\.4\.0 is seen to answer [\d,]+ requests a second, which is enough for the first soak$/,
      ),
      evidence: [
        { what: 'series of 2.4.0', measured: '1; the metrics know 2.4.0', required: 'at least 1', source: 'metrics' },
        {
          what: 'requests of 2.4.0',
          measured: expect.stringMatching(/^\d\d\d in 0?\.?\d+m?s, over \d readings; 1 of its series moved$/),
          required: 'more than none',
          source: 'metrics',
        },
        expect.objectContaining({ what: 'age of the newest reading', required: 'at most 20s' }),
        {
          what: 'requests count as slow',
          measured: 'over 0.5 s',
          required: 'over 0.5 s, or less',
          source: 'metrics',
        },
        {
          what: 'clock of metrics target 1 of 1',
          measured: "the same as this worker's, as far as whole seconds tell",
          required: "within 5s of this worker's",
          source: "the answer's date",
        },
        expect.objectContaining({
          what: "green's requests in the first soak",
          measured: expect.stringMatching(/^[123],\d\d\d \(50 % of [\d,]+ a second for 6s\)$/),
          required: 'at least 59: 50 for a batch, 59 without a bad one to prove the limits',
        }),
        expect.objectContaining({
          what: 'complete batches in the first soak',
          required: expect.stringMatching(/^at least 3/),
        }),
        expect.objectContaining({
          what: 'smallest share of failing requests that is found',
          measured: expect.stringMatching(/^[567]\.?\d* %$/),
          required: 'at most 10 %, with a chance of 95 %',
        }),
        expect.objectContaining({
          what: 'time to find a release that fails 10 %',
          measured: expect.stringMatching(/^[1-3]s$/),
        }),
      ],
    });
  });

  test('metrics that cannot be read are no finding but an obstacle, in words without an address', async () => {
    router.status = 503;
    const failure: Error = await look().then(
      () => Promise.reject(new Error('it was measured')),
      (error) => error,
    );
    expect(failure.message).toBe('metrics target 1 of 1: answered with HTTP status 503');
    router.status = 200;
    expect(await look()).toMatchObject({ passed: true });
  });

  test('a counter without the version label cannot be read, and the label is named', async () => {
    router.versionLabel = 'release';
    await expect(look()).rejects.toThrow('metric http_requests_total has no label "version"');
  });

  test('fails where blue has no series, and names the versions that have; at once, for nothing can move', async () => {
    const finding = await failsThenPasses(
      () => {
        router.traffic = { '2.3.0': 1_000, canary: 5 };
      },
      /^the metrics count requests of 2\.3\.0, canary; none of them is 2\.4\.0$/,
      () => {
        expect(router.asked).toBe(1);
        router.traffic = { '2.4.0': 1_000 };
      },
    );
    expect(finding.unblock).toContain('metrics.versionLabel');
    router.traffic = {};
    expect(await look()).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/they know no version at all$/),
    });
  });

  test('fails where blue’s series stand still: no traffic', async () => {
    await failsThenPasses(
      () => {
        router.traffic = { '2.4.0': 0 };
      },
      /^no request of 2\.4\.0 was counted in \d+ms: there is no traffic, or what was read is stale$/,
      () => {
        router.traffic = { '2.4.0': 1_000 };
      },
    );
  });

  test('fails where only others get requests, and names them', async () => {
    await failsThenPasses(
      () => {
        router.traffic = { '2.4.0': 0, '2.5.0': 1_000 };
      },
      /^no request of 2\.4\.0 was counted in \d+ms, while 2\.5\.0 got some$/,
      () => {
        router.traffic = { '2.4.0': 1_000, '2.5.0': 0 };
      },
    );
  });

  test('fails where a cache answers with an old page, which its clock gives away', async () => {
    const finding = await failsThenPasses(
      () => {
        router.cached = true;
      },
      /there is no traffic, or what was read is stale; the clock of metrics target 1 of 1 is \d\d s or more behind/,
      () => {
        router.cached = false;
      },
    );
    expect(finding.unblock).toContain('cache');
  });

  test.each([
    [60_000, 'ahead of'],
    [-60_000, 'behind'],
  ])('fails where the target’s clock is %p ms ahead', async (aheadMs, side) => {
    const askedAt = Date.now();
    let tookMs = 0;
    const { summary } = await failsThenPasses(
      () => {
        router.clockAheadMs = aheadMs;
      },
      new RegExp(`^the clock of metrics target 1 of 1 is \\d+ s or more ${side} this worker's$`),
      () => {
        tookMs = Date.now() - askedAt;
        router.clockAheadMs = 3_000; // within the tolerance
      },
    );
    expectSure(summary, aheadMs, tookMs);
  });

  test('says where the clock cannot be told, and passes', async () => {
    router.clockAheadMs = null;
    const finding = await look();
    expect(finding.passed).toBe(true);
    expect(measured(finding, 'clock of')).toBe('unknown: its answer has no date');
  });

  test('names the bucket below where none ends at the limit', async () => {
    router.buckets = [0.1, 0.3, 1];
    const finding = await look();
    expect(finding.passed).toBe(true);
    expect(measured(finding, 'requests count as slow')).toBe(
      'over 0.3 s: no bucket ends at 0.5 s, so the one below is used, which is stricter',
    );
  });

  test('fails where blue’s requests are counted but not timed', async () => {
    await failsThenPasses(
      () => {
        router.traffic['2.3.0'] = 1; // has a histogram, so that the page can be read
        router.timed = (version) => version !== '2.4.0';
      },
      /^requests of 2\.4\.0 are counted, but http_request_duration_seconds has no buckets for it/,
      () => {
        router.timed = () => true;
      },
    );
  });

  test('fails with too little traffic, and either of the ways that it names is enough', async () => {
    router.traffic = { '2.4.0': 80 };
    const finding = await look({ check: { measureFor: 2_000 } });
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        /^too little traffic for the first soak of 6s: a release that fails 10 % of its requests would be found with a chance of \d+(\.\d+)? % only$/,
      ),
      unblock: expect.stringMatching(
        /^make the first soak at least \d+s long for the traffic of now, or deploy when there are at least \d+ requests a second \(now [78]\d(\.\d)?\)$/,
      ),
    });
    const [soak = 0, traffic = 0] = [...(finding.unblock ?? '').matchAll(/at least (\d+)/g)].map(([, text]) =>
      Number(text),
    );
    // No two measures of the traffic are quite the same; hence a little more.
    const longer = [
      { percentage: 50, soak: soak * 1_300 },
      { percentage: 100, soak: 6_000 },
    ];
    expect(await look({ check: { measureFor: 2_000 }, runbook: { traffic: longer } })).toMatchObject({ passed: true });
    router.traffic = { '2.4.0': traffic * 1.3 };
    expect(await look({ check: { measureFor: 2_000 } })).toMatchObject({ passed: true });
  });

  test('counts only the first step’s share of the traffic as green’s', async () => {
    router.traffic = { '2.4.0': 300 };
    expect(await look()).toMatchObject({ passed: true });
    const few = [
      { percentage: 5, soak: 6_000 },
      { percentage: 100, soak: 6_000 },
    ];
    const finding = await look({ runbook: { traffic: few } });
    expect(finding.passed).toBe(false);
    expect(measured(finding, "green's requests")).toMatch(/^\d\d \(5 % of/);
  });

  test('fails where green would get too few requests to be proven healthy, though a gross fault would be found', async () => {
    router.traffic = { '2.4.0': 100 };
    const judge = { rule: 'threshold', batch: 200, minRequests: 20, breachesInARow: 1 } as const;
    const traffic = [
      { percentage: 50, soak: 1_000 },
      { percentage: 100, soak: 1_000 },
    ];
    const changes = { runbook: { judge, traffic }, check: { detect: 0.9, measureFor: 2_000 } };
    await failsThenPasses(
      () => {},
      /green would get [345]\d requests, and 59 are needed to prove it healthy$/,
      () => {
        router.traffic = { '2.4.0': 300 };
      },
      changes,
    );
  });

  test('fails where no traffic would do, since the batches do not fit into the soak', async () => {
    const judge = { rule: 'threshold', batch: 3_000, minRequests: 50, breachesInARow: 3 } as const;
    const finding = await look({ runbook: { judge } });
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/^the first soak of 6s is too short: .* a chance of 0 % only$/),
      unblock: 'make the first soak at least 10s long for the traffic of now',
    });
  });

  test('fails where what should be detected is within the limit', async () => {
    expect(await look({ check: { detect: 0.04 } })).toMatchObject({
      passed: false,
      summary: 'a release that fails 4 % of its requests is within limits.errorRate (5 %), so it would be kept',
      unblock: 'set detect above 5 %, or limits.errorRate below 4 %',
    });
  });

  test('all targets count together, and each one’s clock is looked at', async () => {
    const other = await startRouter();
    other.clockAheadMs = -30_000;
    const askedAt = Date.now();
    const finding = await look({ targets: [router.url, other.url] });
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/^the clock of metrics target 2 of 2 is \d+ s or more behind this worker's$/),
    });
    expectSure(finding.summary, -30_000, Date.now() - askedAt);
    expect(measured(finding, 'series of 2.4.0')).toMatch(/^2;/);
  });

  test('a slow first reading leaves the others their time', async () => {
    router.firstTakesMs = 700;
    expect(await look({ check: { measureFor: 500 } })).toMatchObject({ passed: true });
  });

  test('shows that it lives, and rejects with the reason when it is stopped', async () => {
    const stop = new AbortController();
    const context = contextWith({ signal: stop.signal });
    const heartbeat = (detail: unknown) => {
      context.heartbeats.push(detail);
      if (context.heartbeats.length === 4) stop.abort(new Error('stopped by the test'));
    };
    const config = { ...common, kind: 'deployment-monitoring', measureFor: 50_000 } as const;
    const run = { ...context.run, heartbeat };
    await expect(createCheck(config)({ ...context, run })).rejects.toThrow('stopped by the test');
    expect(context.heartbeats.slice(1, 3)).toEqual([
      { doing: 'watching the requests move', readings: 2, requests: expect.any(Number) },
      { doing: 'watching the requests move', readings: 3, requests: expect.any(Number) },
    ]);
  });
});

describe('deployment-monitoring by evidence', () => {
  const byEvidence: Partial<Runbook> = {
    judge: { rule: 'sequential', minRequests: 50 },
    traffic: [{ percentage: 50, soak: 60_000 }],
  };
  const poll = 1_000; // 60 times in each of hundreds of rehearsed soaks

  test('rehearses with the judge itself what the first soak will find, and that it lets a good release pass', async () => {
    const finding = await look({ runbook: byEvidence, poll });
    expect(finding.passed).toBe(true);
    expect(measured(finding, 'a release that fails 10 %')).toMatch(
      /^found in 40 of 40 soaks, half of them within \d+s$/,
    );
    expect(measured(finding, 'smallest share')).toMatch(/^[\d.]+ %$/);
    expect(measured(finding, 'a release that is as good')).toMatch(
      /^proven healthy at the end of (3[5-9]|40) of 40 soaks$/,
    );
  });

  test('fails where a release as good as blue would not be proven healthy', async () => {
    router.failing = 0.1;
    const finding = await look({ runbook: byEvidence, poll, check: { detect: 0.5 } });
    expect(measured(finding, 'a release that fails 50 %')).toMatch(/^found in 40 of 40 soaks/);
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        /^a release as good as blue is now would be proven healthy in 0 of 40 first soaks only: of [\d,]+ requests \d+(\.\d+)? % failed/,
      ),
      unblock: expect.stringContaining('set limits that blue keeps'),
    });
  });

  test('measures again where blue stumbled while it was measured, and passes if it was for a moment', async () => {
    let failed = 0;
    router.more = ({ label }) => {
      if (router.asked <= 3) failed += 400; // the first look reads a few times more
      return [`http_requests_total{${label},code="503"} ${failed}`];
    };
    const finding = await look({ runbook: byEvidence, poll });
    expect(finding.passed).toBe(true);
    expect(failed).toBeGreaterThan(400);
    expect(router.asked).toBeGreaterThanOrEqual(4);
  });

  test('fails where the histogram seems to be in milliseconds', async () => {
    router.timed = () => false;
    router.more = ({ label, count }) =>
      ['0.5', '100', '10000', '+Inf']
        .map((le) => `http_request_duration_seconds_bucket{${label},le="${le}"} ${le === '0.5' ? 0 : count}`)
        .concat(`http_request_duration_seconds_sum{${label}} ${count * 60}`);
    expect(await look({ runbook: byEvidence, poll })).toMatchObject({
      passed: false,
      summary: expect.stringMatching(/100 % of blue's requests .* are over 0\.5 s .*: is it in milliseconds\?/),
    });
  });

  test('fails where the status label holds no status', async () => {
    const context = contextWith({ runbook: byEvidence, poll });
    const metrics = { ...context.runbook.metrics, codeLabel: 'version' };
    expect(await look({ runbook: { ...byEvidence, metrics } })).toMatchObject({
      passed: false,
      summary: expect.stringContaining('has version="2.4.0", expected an HTTP status'),
    });
  });

  test('fails where the soak would find too little, and tells how long or how busy it had to be', async () => {
    router.traffic = { '2.4.0': 4 };
    const finding = await look({ runbook: byEvidence, poll, check: { measureFor: 2_000 } });
    expect(finding).toMatchObject({
      passed: false,
      summary: expect.stringMatching(
        /^a release that fails 10 % of its requests would be found in \d+ of 40 first soaks/,
      ),
      unblock: expect.stringMatching(
        /^make the first soak \dm long, or deploy when there are about \d+ requests a second/,
      ),
    });
  });
});

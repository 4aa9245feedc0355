import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { until } from '../checks/support/context.ts';
import { describeWithPrometheus, startPrometheus, type TestPrometheus } from '../support/prometheus.ts';
import { begin, run } from './support/attempt.ts';
import { BLUE, GREEN, type Scene, useScenes } from './support/scene.ts';

const scene = useScenes();

function ask({ target, plan }: Scene, timeoutMs = 60_000) {
  return { target, rules: plan.judge, timeoutMs };
}

test('the counters of now are what the first soak counts from: what green answered before is in them', async () => {
  const here = await scene();
  const { production, activities } = here;
  production.move(50);
  await until(() => production.requests(GREEN) >= 20);
  production.move(0);
  const answered = production.requests(GREEN);
  const begunAt = Date.now();
  const { watchState } = await run(activities.readBaseline, ask(here));
  expect(watchState).toMatchObject({
    judge: null,
    cursor: { series: { [`0/${BLUE}`]: { requests: expect.any(Number) }, [`0/${GREEN}`]: { requests: answered } } },
  });
  expect(watchState.cursor?.at).toBeGreaterThanOrEqual(begunAt);
});

test('metrics that are away for a moment are asked again', async () => {
  const here = await scene();
  here.production.misbehave('metrics', 'fail');
  const { result } = begin(here.activities.readBaseline, ask(here));
  await until(() => here.production.asked('metrics') > 0);
  here.production.misbehave('metrics', 'well');
  expect((await result).watchState.cursor).not.toBeNull();
});

test('metrics that cannot be read in the time given are refused for good, with what was wrong last', async () => {
  const here = await scene();
  here.production.misbehave('metrics', 'fail');
  await expect(run(here.activities.readBaseline, ask(here, 1_500))).rejects.toMatchObject({
    type: 'MetricsUnusable',
    nonRetryable: true,
    message:
      'The metrics cannot show whether a release is healthy, so no traffic is shifted. For 1.5 s nothing fresh could be ' +
      'read. metrics target 1 of 1: answered with HTTP status 500. Make them readable, then start again.',
  });
});

test('metrics that know blue under another name are refused at once, with the names they know', async () => {
  const here = await scene();
  const other = { ...here, target: { ...here.target, blue: '1.9.0' } };
  await expect(run(here.activities.readBaseline, ask(other))).rejects.toMatchObject({
    type: 'MetricsUnusable',
    nonRetryable: true,
    message: expect.stringMatching(
      /Found: the metrics count requests of 2\.4\.0, 2\.5\.0; none of them is 1\.9\.0\. To do: /,
    ),
  });
  expect(here.production.asked('metrics')).toBe(1);
});

test('green needs no slot before it is deployed, and one before it gets traffic', async () => {
  const status = JSON.stringify({ traffic: { [BLUE]: 100 }, slots: { [BLUE]: BLUE } });
  const here = await scene({
    metrics: { slotLabel: 'version' },
    analysis: [{ name: 'answers', kind: 'counted', metrics: { requests: 'http_requests_total' }, limit: '5%' }],
    router: { status: [process.execPath, '-e', `console.log(${JSON.stringify(status)})`] },
  });
  expect((await run(here.activities.readBaseline, ask(here))).watchState.cursor).not.toBeNull();
  await expect(run(here.activities.readBaseline, { ...ask(here, 1_500), beforeShift: true })).rejects.toThrow(
    'the router does not say in which slot 2.5.0 runs',
  );
});

describeWithPrometheus('a Prometheus', () => {
  let prometheus: TestPrometheus;
  beforeAll(async () => {
    prometheus = await startPrometheus();
  });
  afterAll(() => prometheus.stop());

  /** A production whose page this Prometheus scrapes; its runbook reads that every `poll`. */
  async function scraped(job: string, poll: string): Promise<Scene> {
    const metrics = { kind: 'prometheus', url: prometheus.url, selector: { job }, requests: 'http_requests_total' };
    const here = await scene({ metrics: { ...metrics, poll, targets: undefined } });
    const { host } = new URL(here.production.env['LITTLE_PRODUCTION'] ?? '');
    const scrape_configs = [{ job_name: job, static_configs: [{ targets: [host] }] }];
    await prometheus.reload({ more: { scrape_configs } });
    return here;
  }

  test('before a shift it is waited until its next sample is near', async () => {
    const here = await scraped('near', '8s');
    const age = async () => {
      for (;;) {
        const outcome = await run(here.activities.readBaseline, { ...ask(here), beforeShift: true }).catch(String);
        if (typeof outcome !== 'string') return Date.now() - (outcome.watchState.cursor?.at ?? 0);
      }
    };
    expect(await age()).toBeGreaterThanOrEqual(6_500);
  });

  test('that collects more rarely than the runbook says is no reason to refuse while its counts are fresh enough', async () => {
    const here = await scraped('shop', '30s');
    for (;;) {
      const outcome = await run(here.activities.readBaseline, ask(here, 2_000)).catch(String);
      if (typeof outcome === 'string' && /no fresh sample|no version at all/.test(outcome)) continue; // not scraped yet
      expect(outcome).toMatchObject({
        watchState: { cursor: { versions: { [BLUE]: { sampledAt: expect.any(Number) } } } },
      });
      return;
    }
  });
});

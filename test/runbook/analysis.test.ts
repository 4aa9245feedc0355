import { describe, expect, test } from '@jest/globals';
import { parseRunbook } from '../../src/runbook/load.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { toAnalysis, toPlan } from '../../src/runbook/to-plan.ts';
import { RunbookError } from '../../src/runbook/yaml-file.ts';
import { format } from '../support/registry.ts';
import { GUIDE_TEXT, guide, guideWith } from './support.ts';

const COUNTED =
  '{ name: checkouts, kind: counted, metrics: { requests: checkouts_total, codeLabel: result }, limit: 2% }';
const MEMORY = '{ name: memory, kind: query, url: "http://prometheus:9090", query: "max(memory)", below: 2e9 }';
const PROMETHEUS = [
  'kind: prometheus',
  'url: https://prometheus.example.com',
  'selector: { service: shop }',
  'requests: http_requests_total',
  'auth: { tokenEnv: TOKEN }',
  'headers: { X-Scope-OrgID: shop }',
].join(', ');

const read = (text: string): Runbook => parseRunbook(text, { file: 'x.yaml', format });
const withAnalysis = (...entries: string[]) =>
  `${GUIDE_TEXT}\nanalysis:\n${entries.map((one) => `  - ${one}\n`).join('')}`;
/** Without the limit for latency, for which a Prometheus needs a histogram. */
const onPrometheus = (...entries: string[]) => {
  const { metrics: _, limits: __, ...rest } = read(GUIDE_TEXT);
  expect(rest.service).toBe('recommendation');
  const text = withAnalysis(...entries)
    .replace(/^metrics:\n(?: .*\n)+/m, `metrics: { ${PROMETHEUS} }\n`)
    .replace(/^( +)latency: \{ quantile.*\n/m, '');
  return read(text);
};

function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof RunbookError) return error.problems.map((line) => line.replace(/^x\.yaml:\d+:\d+: /, ''));
    throw error;
  }
  return [];
}

describe('a counted metric', () => {
  test('has the keys of metrics, its own, and no latency', () => {
    const { metrics, analysis } = read(withAnalysis(COUNTED));
    const { latency: _, ...shared } = metrics as Runbook['metrics'] & { latency?: string };
    expect(analysis).toEqual([
      {
        name: 'checkouts',
        kind: 'counted',
        critical: true,
        limit: 0.02,
        compare: 'failed',
        required: false,
        metrics: { ...shared, requests: 'checkouts_total', codeLabel: 'result' },
      },
    ]);
  });

  test('of another kind of metrics stands for itself', () => {
    const other = '{ name: jobs, kind: counted, metrics: { kind: command, command: [count-jobs] } }';
    expect(read(withAnalysis(other)).analysis).toMatchObject([
      { metrics: { kind: 'command', command: ['count-jobs'] } },
    ]);
  });

  test('may tell blue and green apart in another way than metrics', () => {
    const text = withAnalysis(
      '{ name: a, kind: counted, metrics: { requests: orders_total, slotLabel: shop, failed: { counter: lost_total } } }',
    );
    const { analysis } = read(text.replace(/^metrics:\n/m, 'metrics:\n  versionLabel: release\n'));
    expect(analysis).toMatchObject([{ metrics: { slotLabel: 'shop', failed: { counter: 'lost_total' } } }]);
    expect(analysis?.[0]).not.toHaveProperty('metrics.versionLabel');
  });

  test('says its mistakes where they stand, and those of metrics only there', () => {
    expect(
      problemsOf(
        withAnalysis('{ name: a, kind: counted, metrics: { requests: 7, codeLable: x } }').replace(
          'poll: 5s',
          'poll: 5',
        ),
      ),
    ).toEqual([
      'metrics.poll: found 5, expected a duration such as 90s, 10m or 4h',
      'analysis[0].metrics.requests: found 7, expected the name of a metric',
      'analysis[0].metrics.codeLable: unknown key "codeLable", did you mean "codeLabel"?',
    ]);
    expect(problemsOf(withAnalysis(COUNTED).replace('poll: 5s', 'poll: 15ms'))).toEqual([
      'metrics.poll: found "15ms", expected 100ms or more: each poll asks the metrics',
    ]);
    expect(problemsOf(withAnalysis(COUNTED.replace('limit', 'compare: answered, limit')))).toEqual([
      'analysis[0].limit: found "2%", expected only with compare: failed; remove one of them',
    ]);
  });
});

describe('a query', () => {
  test('asks the server of metrics, with its credentials, if it names none', () => {
    const own = '{ name: memory, kind: query, query: "max(memory)", above: 1 }';
    expect(onPrometheus(own).analysis).toMatchObject([
      { url: 'https://prometheus.example.com', auth: { tokenEnv: 'TOKEN' }, headers: { 'X-Scope-OrgID': 'shop' } },
    ]);
    const [elsewhere] = onPrometheus(MEMORY).analysis ?? [];
    expect(elsewhere).toMatchObject({ url: 'http://prometheus:9090', headers: {} });
    expect(elsewhere).not.toHaveProperty('auth');
    expect(problemsOf(withAnalysis(own))).toEqual([
      'analysis[0].url: missing, expected an http or https URL since metrics is no prometheus',
    ]);
  });

  test('has a bound, and placeholders that are known', () => {
    expect(
      problemsOf(withAnalysis('{ name: a, kind: query, url: "http://a:1", query: "up{pod=\\"{pod}\\"}" }')),
    ).toEqual([
      'analysis[0].below: missing, expected a number here, or in above',
      'analysis[0].query: found the placeholder {pod}, expected one of {service} {environment} {version} {blue}',
    ]);
  });
});

test('each further metric has a name of its own', () => {
  expect(problemsOf(withAnalysis(MEMORY, MEMORY))).toEqual([
    'analysis[1].name: found "memory" twice, expected each once',
  ]);
});

describe('the plan', () => {
  const planOf = (runbook: Runbook) =>
    toPlan({
      runbook,
      digest: '',
      request: { service: 'recommendation', version: '2.5.0' },
      blue: '2.4.0',
      deployment: 'd',
    });

  test('of a runbook without further metrics is as ever', () => {
    expect(guide()).not.toHaveProperty('analysis');
    expect(planOf(guide()).judge).not.toHaveProperty('furtherTests');
  });

  test('shares the confidence among the tests that can roll back', () => {
    const runbook = read(
      withAnalysis(
        COUNTED,
        '{ name: b, kind: counted, metrics: {} }',
        '{ name: c, kind: counted, critical: false, metrics: {} }',
        MEMORY,
      ),
    );
    const { judge } = planOf(runbook);
    expect(judge).toMatchObject({ furtherTests: 3 });
    expect(toAnalysis(runbook, judge)).toMatchObject([
      { kind: 'counted', rules: { tests: 7, limit: 0.02, confidence: 0.99, minRequests: 50 } },
      { kind: 'counted', rules: { tests: 7 } },
      { kind: 'counted', rules: { tests: 7 } },
      { kind: 'query', rules: { below: 2e9, forMs: 60_000, maxNoDataMs: 600_000 } },
    ]);
  });

  test('judges them by evidence also where errors and latency are judged by batches', () => {
    const threshold = guideWith(['rule: sequential, burstTolerance: 5s', 'rule: threshold']);
    const runbook = read(`${threshold}\nanalysis: [${COUNTED}]\n`);
    const { judge } = planOf(runbook);
    expect(judge).not.toHaveProperty('furtherTests');
    expect(toAnalysis(runbook, judge)).toMatchObject([
      { rules: { tests: 2, confidence: 0.99, burstToleranceMs: 5_000 } },
    ]);
  });
});

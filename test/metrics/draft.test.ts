import { expect, test } from '@jest/globals';
import { draftMetrics } from '../../src/metrics/draft.ts';
import { PRESETS, type PresetName } from '../../src/metrics/presets.ts';
import { useServers } from '../support/http.ts';
import { describeWithPrometheus, PAGE, startPrometheus } from '../support/prometheus.ts';
import { metricsSchema } from './support/counters.ts';
import { presetPage } from './support/preset-pages.ts';
import { pageOf, SCHEMES } from './support/schemes.ts';

/** A first `metrics` block by what is there. */

const serve = useServers();
const signal = new AbortController().signal;
const blue = { version: '2.4.0', slot: 'rec-blue', answered: 1_203, failed: 17, slow: 46 };
const green = { version: '2.5.0', slot: 'rec-green', answered: 307, failed: 61, slow: 101 };
/** Their names say nothing of what counts, or another preset reads the same. */
const ALIKE: Readonly<Partial<Record<PresetName, PresetName>>> = { 'aspnet-core': 'opentelemetry-http' };

async function drafted(page: string) {
  const { origin } = await serve((_, response) => response.end(page));
  return draftMetrics(`${origin}/metrics`, { selector: [], signal });
}

test.each((Object.keys(PRESETS) as PresetName[]).filter((name) => name !== 'fastapi'))(
  'the page of %s is known by its preset',
  async (name) => {
    const { keys, notes } = await drafted(presetPage(name, { blue, green }));
    const known = ALIKE[name] ?? name;
    expect(keys).toMatchObject({ kind: 'scrape', preset: known });
    expect(notes.join(' ')).toContain(PRESETS[known].sides);
    if (name in ALIKE) expect(notes[0]).toContain(name);
    expect(() => metricsSchema.parse(keys)).not.toThrow();
  },
);

test.each([
  [
    'a version label and a status',
    { requests: 'http_requests_total', codeLabel: 'code', latency: 'http_request_duration_seconds' },
  ],
  [
    'a version written with a v, and classes of statuses',
    { requests: 'requests_total', versionLabel: 'app_version', codeLabel: 'status' },
  ],
  [
    'kube_pod_labels',
    { versionLabel: 'label_app_kubernetes_io_version', join: { metric: 'kube_pod_labels', on: ['namespace', 'pod'] } },
  ],
  [
    'gRPC codes by number',
    { requests: 'rpc_total', codeLabel: 'grpc_response_status', failed: 'grpc', slotLabel: 'workload' },
  ],
  ['a second counter of failed requests', undefined],
])('%s is guessed', async (name, keys) => {
  const scheme = SCHEMES.find((one) => one.name === name);
  if (!scheme) throw new Error(`no scheme ${name}`);
  const draft = drafted(pageOf(scheme, blue, green));
  if (keys) expect((await draft).keys).toMatchObject(keys);
  else await expect(draft).rejects.toThrow('name it in metrics.requests');
});

test('a histogram with large ends and a name that says no unit is taken for milliseconds', async () => {
  const bucket = (le: string) => `call_duration_bucket{version="1",le="${le}"} 5`;
  const { keys, slowAboveMs } = await drafted(
    `calls_total{version="1",result="ok"} 5\n${['50', '250', '1000', '30000', '+Inf'].map(bucket).join('\n')}\n`,
  );
  expect(keys).toMatchObject({
    failed: { answered: ['ok'] },
    latency: { metric: 'call_duration', unit: 'milliseconds' },
  });
  expect(slowAboveMs).toBe(1_000);
});

describeWithPrometheus('a real Prometheus', () => {
  test('has to be narrowed to a service, and is then read like a page', async () => {
    const { origin } = await serve((_, response) =>
      response.writeHead(200, PAGE).end(presetPage('haproxy', { blue, green })),
    );
    const prometheus = await startPrometheus({ targets: [{ address: new URL(origin).host }] });
    try {
      const none = { selector: [], signal };
      const refused = async () => String(await draftMetrics(prometheus.url, none).catch((error: unknown) => error));
      while (!/its jobs are test/.test(await refused()))
        expect(await refused()).toMatch(/select yours with --selector/);
      const selector = [{ label: 'job', operator: '=' as const, value: 'test' }];
      expect((await draftMetrics(prometheus.url, { selector, signal })).keys).toEqual({
        kind: 'prometheus',
        url: prometheus.url,
        poll: '15s',
        selector: { job: 'test' },
        preset: 'haproxy',
      });
    } finally {
      await prometheus.stop();
    }
  });
});

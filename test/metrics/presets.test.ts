import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { unitsPerSecond } from '../../src/metrics/duration-unit.ts';
import { failsBy, failureRule } from '../../src/metrics/failure.ts';
import { mixedLabels, severalValues } from '../../src/metrics/label-problems.ts';
import { PRESETS, type Preset, type PresetName } from '../../src/metrics/presets.ts';
import { parsePrometheusText, type Sample } from '../../src/prometheus/text-format.ts';
import { isMetBy, type Matcher, parseSelector } from '../../src/promql/selectors.ts';
import { type Counted, presetExtras, presetPage } from './support/preset-pages.ts';

const names = Object.keys(PRESETS) as PresetName[];
const blue: Counted = { version: '2.4.0', slot: 'rec-blue', answered: 1_203, failed: 17, slow: 46 };
const green: Counted = { version: '2.5.0', slot: 'rec-green', answered: 307, failed: 61, slow: 101 };

type Keys = Preset['keys'];

function keysOf(name: PresetName): Keys {
  return { ...PRESETS[name].keys, ...presetExtras(name) };
}

function matchersOf(selector: unknown): readonly Matcher[] {
  if (typeof selector === 'string') return parseSelector(`any${selector}`)?.matchers.slice(1) ?? [];
  return Object.entries(selector ?? {}).map(
    ([label, value]): Matcher => ({ label, operator: '=', value: String(value) }),
  );
}

/** The series of a metric that a version has, selected by the keys. */
function seriesOf(page: string, metric: string, keys: Keys, { version, slot }: Counted): Sample[] {
  const { samples } = parsePrometheusText(page);
  const { join, slotLabel, versionLabel = 'version', versionSelector } = keys;
  const infos = samples.filter((sample) => sample.name === join?.metric);
  const ownLabels = ({ labels }: Sample) => {
    const info = infos.find((one) => join?.on.every((label) => one.labels.get(label) === labels.get(label)));
    return new Map([...(info?.labels ?? []), ...labels]);
  };
  const ofVersion = (labels: ReadonlyMap<string, string>) => {
    if (versionSelector)
      return isMetBy(matchersOf(version === blue.version ? versionSelector.blue : versionSelector.green), labels);
    return labels.get(slotLabel ?? versionLabel) === (slotLabel ? slot : version);
  };
  const selector = matchersOf(keys.selector);
  return samples.filter(
    (sample) => sample.name === metric && isMetBy(selector, sample.labels) && ofVersion(ownLabels(sample)),
  );
}

const sumOf = (samples: readonly Sample[]) => samples.reduce((sum, { value }) => sum + value, 0);

function requestsOf(page: string, keys: Keys, side: Counted) {
  const requests = seriesOf(page, keys.requests, keys, side);
  const fails = failsBy(failureRule(keys.failed as Parameters<typeof failureRule>[0]));
  return {
    requests: sumOf(requests),
    failed: sumOf(requests.filter(({ labels }) => fails(labels.get(keys.codeLabel) ?? ''))),
  };
}

function latencyOf(keys: Keys) {
  const { latency = '' } = keys;
  return typeof latency === 'string'
    ? { metric: latency, perSecond: unitsPerSecond(latency) }
    : { metric: latency.metric, perSecond: 1_000 };
}

test.each(names)('%s: counts the requests and failures of each version on its page', (name) => {
  const page = presetPage(name, { blue, green });
  for (const side of [blue, green])
    expect(requestsOf(page, keysOf(name), side)).toEqual({
      requests: side.answered + side.failed,
      failed: side.failed,
    });
});

test.each(names.filter((name) => 'latency' in PRESETS[name].keys))('%s: counts slow requests on its page', (name) => {
  const keys = keysOf(name);
  const { metric, perSecond } = latencyOf(keys);
  const page = presetPage(name, { blue, green });
  for (const side of [blue, green]) {
    const buckets = seriesOf(page, `${metric}_bucket`, keys, side);
    const total = sumOf(seriesOf(page, `${metric}_count`, keys, side));
    const ends = buckets.map(({ labels }) => Number(labels.get('le')) / perSecond).filter((end) => end <= 0.5);
    const within = buckets.filter(({ labels }) => Number(labels.get('le')) / perSecond === Math.max(...ends));
    expect({ requests: total, slow: total - sumOf(within) }).toEqual({
      requests: side.answered + side.failed,
      slow: side.slow,
    });
    expect(sumOf(seriesOf(page, `${metric}_sum`, keys, side)) / perSecond / total).toBeLessThan(0.5);
  }
});

test.each(names)('%s: its series of a version are those of one service, counted once', (name) => {
  const keys = keysOf(name);
  const page = presetPage(name, { blue, green });
  const known = [keys.codeLabel, keys.slotLabel ?? keys.versionLabel ?? 'version'];
  const selected = matchersOf(keys.selector).map(({ label }) => label);
  for (const side of [blue, green]) {
    const labels = seriesOf(page, keys.requests, keys, side).map((sample) => sample.labels);
    expect(mixedLabels(labels, [...known, ...selected])).toEqual([]);
    expect(severalValues(labels).filter(({ label }) => ['reporter', 'direction'].includes(label))).toEqual([]);
  }
});

test.each(names)('%s: no series of its page falls while requests are counted', (name) => {
  const valuesOf = (count: number) => {
    const more = (side: Counted) => ({ ...side, answered: side.answered + 2 * count, slow: side.slow + count });
    const { samples } = parsePrometheusText(presetPage(name, { blue: more(blue), green: more(green) }));
    return new Map(samples.map((one) => [`${one.name}${JSON.stringify([...one.labels])}`, one.value]));
  };
  let before = valuesOf(0);
  for (let count = 1; count <= 8; count += 1) {
    const after = valuesOf(count);
    expect([...before].filter(([series, value]) => value > (after.get(series) ?? 0))).toEqual([]);
    before = after;
  }
});

test.each(names)('%s: says what has to be written besides', (name) => {
  const { about, sides, requires } = PRESETS[name];
  expect([about, sides].every((text) => text.endsWith('.') || text.endsWith(')).'))).toBe(true);
  expect(Object.keys(presetExtras(name))).toEqual(requires);
});

test('the docs have a block for each preset, with what has to be written besides', () => {
  const page = readFileSync(new URL('../../docs/metrics-presets.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n([^`]*)```/g)].map(([, text = '']) => parse(text) as { metrics: Block });
  for (const name of names) {
    expect(page).toContain(`[\`${name}\`](#`);
    // One block serves both conventions of OpenTelemetry.
    const shown = name === 'opentelemetry-grpc' ? 'opentelemetry-http' : name;
    const block = blocks.find(({ metrics }) => metrics.preset === shown)?.metrics;
    expect(Object.keys(block ?? {})).toEqual(
      expect.arrayContaining(['kind', 'preset', 'poll', ...PRESETS[name].requires]),
    );
  }
});

interface Block {
  readonly preset?: string;
}

import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { metricsProblems } from '../../src/metrics/preflight.ts';
import { PRESETS, type PresetName } from '../../src/metrics/presets.ts';
import { parsePrometheusText } from '../../src/prometheus/text-format.ts';
import { useServers } from '../support/http.ts';
import { createScrape, metricsSchema } from './support/counters.ts';
import { type Counted, presetExtras, presetPage } from './support/preset-pages.ts';

const limits = { errorRate: 0.05 };
const serve = useServers();
const names = Object.keys(PRESETS) as PresetName[];
const blue: Counted = { version: '2.4.0', slot: 'rec-blue', answered: 1_203, failed: 17, slow: 46 };
const green: Counted = { version: '2.5.0', slot: 'rec-green', answered: 307, failed: 61, slow: 101 };

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

test.each(names)(
  '%s: without what has to be written besides, another service is not added up in silence',
  async (name) => {
    const { origin } = await serve((_, response) => response.end(presetPage(name, { blue, green })));
    const config = metricsSchema.parse({ kind: 'scrape', targets: [`${origin}/metrics`], preset: name });
    const versions = { blue: blue.version, green: green.version };
    const slots = () => Promise.resolve({ [blue.version]: blue.slot, [green.version]: green.slot });
    const { signal } = new AbortController();
    const inspection = await createScrape(config, limits, { env: {}, versions, slots }).inspect(signal);
    const counted = Object.values(inspection.series).find(({ version }) => version === blue.version);
    const problems = metricsProblems(inspection, { ...versions, limits });
    if (counted?.requests === blue.answered + blue.failed) expect(problems).toEqual([]);
    else expect(problems.map(({ unblock }) => unblock).join(' ')).toContain('metrics.selector');
  },
);

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

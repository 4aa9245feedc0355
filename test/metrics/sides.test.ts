import { expect, test } from '@jest/globals';
import { joiner, sidesOf } from '../../src/metrics/sides.ts';
import { metricsSchema } from './support/counters.ts';

/** Which series belong to which version. */

const compared = { blue: '2.4.0', green: '2.5.0' };
const labels = (all: Readonly<Record<string, string>>) => new Map(Object.entries(all));
const matchers = (text: string) => {
  const config = metricsSchema.parse({ kind: 'scrape', targets: ['http://h/metrics'], requests: 'a', selector: text });
  return config.selector ?? [];
};
const keys = (more: object) => ({ kind: 'scrape', targets: ['http://h/metrics'], requests: 'a_total', ...more });

test('a version in a pattern means its text, and no more', () => {
  const sides = sidesOf({ versionSelector: matchers('{pod=~"shop-{version}-.*"}') }, compared);
  expect(sides.versionOf(labels({ pod: 'shop-2.5.0-abc' }))).toBe('2.5.0');
  expect(sides.versionOf(labels({ pod: 'shop-2x5x0-abc' }))).toBeUndefined();
  expect(sides.versionOf(labels({}))).toBeUndefined();
  expect(sides.where('2.5.0')).toContain('{pod=~"shop-2\\\\.5\\\\.0-.*"}');
});

test('a series that is blue and green at once is refused', () => {
  const sides = sidesOf({ versionSelector: { blue: matchers('{a="1"}'), green: matchers('{b="1"}') } }, compared);
  expect(() => sides.versionOf(labels({ a: '1', b: '1' }))).toThrow('selects one series for blue and for green');
  const same = { blue: matchers('{a="1"}'), green: matchers('{a="1"}') };
  expect(() => sidesOf({ versionSelector: same }, compared)).toThrow('the same series for blue and green: {a="1"}');
});

test('a slot is found by the name that the router calls it, and others keep theirs', () => {
  const sides = sidesOf({ slotLabel: 'proxy' }, compared, { '2.4.0': 'a', '2.5.0': 'b' });
  expect(['a', 'b', 'c'].map((proxy) => sides.versionOf(labels({ proxy })))).toEqual(['2.4.0', '2.5.0', 'c']);
  expect(sidesOf({ slotLabel: 'proxy' }, compared, { '2.4.0': 'a' }).where('2.5.0')).toBe(
    '"the slot of 2.5.0" in the label "proxy" (metrics.slotLabel)',
  );
});

test('a slot is found by how the metrics write it', () => {
  const slots = { '2.4.0': 'rec-blue', '2.5.0': 'rec-green' };
  const text = sidesOf({ slotLabel: 'service', slotValue: 'prod-{slot}-http-80@kubernetesgateway' }, compared, slots);
  expect(text.versionOf(labels({ service: 'prod-rec-green-http-80@kubernetesgateway' }))).toBe('2.5.0');
  expect(text.versionOf(labels({ service: 'rec-green' }))).toBe('rec-green');
  const slotValue = { 'rec-blue': 'backend/0', 'rec-green': 'backend/1' };
  const each = sidesOf({ slotLabel: 'cluster', slotValue }, compared, slots);
  expect(each.matchersOf('2.5.0')).toEqual([{ label: 'cluster', operator: '=', value: 'backend/1' }]);
  const selected = sidesOf({ versionSelector: matchers('{cluster=~"{slot}|{slot}-old"}'), slotValue }, compared, slots);
  expect(selected.versionOf(labels({ cluster: 'backend/0-old' }))).toBe('2.4.0');
  expect(() => sidesOf({ slotLabel: 'cluster', slotValue }, compared, { '2.4.0': 'rec-a', '2.5.0': 'rec-b' })).toThrow(
    'metrics.slotValue has no value for the slot "rec-a", which the router names; found values for rec-blue, rec-green',
  );
});

test('of several info series the first is taken, and a series keeps its own labels', () => {
  const infos = [
    { pod: 'p', version: 'new' },
    { pod: 'p', version: 'old' },
  ].map(labels);
  const join = joiner({ metric: 'info', on: ['pod'] }, infos);
  expect(join(labels({ pod: 'p', code: '200' })).get('version')).toBe('new');
  expect(join(labels({ pod: 'p', version: 'own' })).get('version')).toBe('own');
  expect(join(labels({ pod: 'q' })).has('version')).toBe(false);
});

test.each<[object, RegExp]>([
  [{ slotLabel: 'proxy', versionLabel: 'version' }, /found versionLabel and slotLabel, expected one of them/],
  [{ versionSelector: { pod: 'shop' } }, /expected \{version\} or \{slot\} in one of its values/],
  [{ versionSelector: '{pod=~"(?i)shop-{version}"}' }, /found the pattern .* expected a regular expression/],
  [{ latency: { metric: 'd', versionSelector: { pod: 'shop' } } }, /expected \{version\} or \{slot\}/],
  [{ slotLabel: 'proxy', selector: { proxy: 'a' } }, /found a condition on "proxy", expected none/],
  [{ slotValue: 'prod-{slot}' }, /found no slotLabel beside it, and no \{slot\} in versionSelector/],
  [{ slotLabel: 'proxy', slotValue: 'prod' }, /expected a text with \{slot\} in it/],
  [{ slotLabel: 'proxy', slotValue: { a: 'x', b: 'x' } }, /found one value for two slots/],
  [{ slotLabel: 'proxy', slotValue: { a: 'x' } }, /expected both slots/],
  [{ requests: undefined }, /missing, expected the name of a counter, or a preset/],
  [{ preset: 'nope' }, /expected one of|Invalid option/],
  [{ latency: { metric: 'd', unit: 'minutes' } }, /expected/],
])('%j is refused', (more, words) => {
  const parsed = metricsSchema.safeParse(keys(more));
  expect(parsed.error?.issues.map(({ message }) => message).join()).toMatch(words);
});

test('a preset gives way to what the runbook says', () => {
  const read = (more: object) => metricsSchema.parse(keys({ requests: undefined, preset: 'haproxy', ...more }));
  expect(read({})).toMatchObject({ slotLabel: 'proxy', codeLabel: 'code', failed: 'status' });
  expect(read({ versionLabel: 'server' })).not.toHaveProperty('slotLabel');
  expect(read({ codeLabel: 'status', failed: { status: ['5xx'] } })).toMatchObject({ codeLabel: 'status' });
});

import { describe, expect, test } from '@jest/globals';
import {
  formatSelector,
  mayMatch,
  parseSelector,
  type Selector,
  selectorsOf,
  selectsMetric,
} from '../../src/promql/selectors.ts';

const read = (promql: string) => selectorsOf(promql).map(({ matchers }) => formatSelector(matchers));
const only = (promql: string): Selector => {
  const [selector, ...others] = selectorsOf(promql);
  if (!selector || others.length > 0) throw new Error(`expected one selector in ${promql}`);
  return selector;
};

describe('selectorsOf', () => {
  test.each<[string, string, string[]]>([
    ['a bare metric', 'up', ['up']],
    ['matchers with a comma at the end', 'up{a="1", b!="2",}', ['up{a="1",b!="2"}']],
    ['a range, an offset and @', 'rate(x{a="b"}[5m] offset 1w) + x @ end()', ['x{a="b"}', 'x']],
    ['a subquery', 'max_over_time((sum(rate(x{a="b"}[5m])))[1h:30s] offset 5m)', ['x{a="b"}']],
    [
      'regular expressions',
      'x{code=~"5..|4\\\\d+",path!~`/in\\d+/.*`}',
      ['x{code=~"5..|4\\\\d+",path!~"/in\\\\d+/.*"}'],
    ],
    ['a metric by a matcher', '{__name__="x",a="b"}', ['x{a="b"}']],
    ['metrics by a regular expression', '{__name__=~"x|y",a="b"}', ['{__name__=~"x|y",a="b"}']],
    [
      'a name in quotes',
      '{"http.requests", "service.name"="shop"}',
      ['{__name__="http.requests","service.name"="shop"}'],
    ],
    [
      'a quantile over rates by bucket',
      'histogram_quantile(0.95, sum by (le, service) (rate(d_bucket{service="shop"}[5m]))) > 0.5',
      ['d_bucket{service="shop"}'],
    ],
    [
      'operators on both sides',
      'sum(rate(r{code=~"5.."}[5m])) / on (service) group_left () sum(rate(r[5m])) > bool 0.05 and up == 1',
      ['r{code=~"5.."}', 'r', 'up'],
    ],
    [
      'strings of every kind',
      `x{a='it\\'s',b="\\x41\\u00e9\\101\\n",c=\`\\n\`}`,
      ['x{a="it\'s",b="AéA\\n",c="\\\\n"}'],
    ],
    ['braces and quotes inside strings', 'x{a="}\\"{",b="c"}', ['x{a="}\\"{",b="c"}']],
    ['comments', 'x # not y\n + z', ['x', 'z']],
    ['nothing but numbers', 'vector(1) > time()', []],
  ])('reads %s', (_name, promql, expected) => {
    expect(read(promql)).toEqual(expected);
  });

  test('knows what an expression can do without', () => {
    const optional = (promql: string) => selectorsOf(promql).map((selector) => selector.optional);
    expect(optional('absent(x) == 1')).toEqual([true]);
    expect(optional('absent_over_time(x[5m])')).toEqual([true]);
    expect(optional('a > 1 unless on () b')).toEqual([false, true]);
    expect(optional('(a and b) unless (c > d)')).toEqual([false, false, true, true]);
    expect(optional('rate(new[5m]) or rate(old[5m])')).toEqual([true, true]);
    expect(optional('sum(a) / sum(b)')).toEqual([false, false]);
  });
});

describe('reads', () => {
  test.each<[string, boolean]>([
    ['x', true],
    ['xy', false],
    ['{__name__="x"}', true],
    ['{__name__=~"x|y"}', true],
    ['{__name__=~"y.*"}', false],
    ['{__name__=~"x.*", __name__!="x"}', false],
    // Every metric, or nearly: nobody means this one by it.
    ['{service="shop"}', false],
    ['{__name__!="y"}', false],
  ])('%s: x is read: %s', (promql, expected) => {
    expect(selectsMetric(only(promql), 'x')).toBe(expected);
  });
});

describe('mayRead', () => {
  test.each<[string, boolean]>([
    ['x', true],
    ['x{service="shop"}', true],
    ['x{service="other"}', false],
    ['x{service!="shop"}', false],
    ['x{service=~"sh.p|other"}', true],
    ['x{service=~"sho"}', false],
    ['x{service!~"s.*"}', false],
    ['x{job="other"}', true],
    // RE2's alone: Prometheus decides.
    ['x{service=~"(?i)SHOP"}', true],
    ['x{service!~"(?i)SHOP"}', true],
    ['x{constructor="y"}', true],
  ])('%s: a series of the service: %s', (promql, expected) => {
    expect(mayMatch(only(promql), { service: 'shop' })).toBe(expected);
  });
});

test('parseSelector takes one metric, with or without labels, and nothing else', () => {
  expect(parseSelector(' x{code=~"5.."} ')).toMatchObject({ matchers: [{ value: 'x' }, { label: 'code' }] });
  expect(parseSelector('x')).toBeDefined();
  for (const wrong of ['', 'rate(x[5m])', 'x[5m]', 'x + y', 'x{', 'x{a=b}', '{a="b"}', '{__name__=~"x"}', 'x y', '1'])
    expect([wrong, parseSelector(wrong)]).toEqual([wrong, undefined]);
});

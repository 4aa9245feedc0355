import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { parsePrometheusText } from '../../src/prometheus/text-format.ts';
import { cpuMs } from '../support/cpu.ts';

const plain = (text: string) =>
  parsePrometheusText(text).samples.map(({ name, labels, value }) => [name, Object.fromEntries(labels), value]);

test.each<[string, string, unknown[]]>([
  ['a plain value', 'up 1\n', ['up', {}, 1]],
  ['labels', 'up{a="1",b="x y"} 2.5\n', ['up', { a: '1', b: 'x y' }, 2.5]],
  ['no labels between braces', 'up{} 1e3\n', ['up', {}, 1_000]],
  ['blanks and a comma too many', 'up { a = "1" , b="2", } \t 3\n', ['up', { a: '1', b: '2' }, 3]],
  ['escapes', 'up{a="x\\\\n\\n\\"}, #"} 1\n', ['up', { a: 'x\\n\n"}, #' }, 1]],
  ['a time stamp', 'up 1 1395066363000\n', ['up', {}, 1]],
  [
    'an OpenMetrics exemplar',
    'h_bucket{le="1"} 5 # {trace_id="a b"} 0.67 1520879607.7\n',
    ['h_bucket', { le: '1' }, 5],
  ],
  ['an OpenMetrics time stamp', 'up 1 1520879607.789\n', ['up', {}, 1]],
  ['infinity', 'up +Inf\n', ['up', {}, Number.POSITIVE_INFINITY]],
  ['not a number', 'up NaN\n', ['up', {}, Number.NaN]],
  ['Windows line ends', 'up 1\r\n', ['up', {}, 1]],
  ['a colon in the name', 'job:up:sum 1\n', ['job:up:sum', {}, 1]],
])('%s is read', (_name, text, sample) => {
  expect(plain(text)).toEqual([sample]);
});

test('comments and empty lines are read over, what they announce is known', () => {
  const page = parsePrometheusText('# HELP a What "a" is\n\n# TYPE b counter\n# a remark { \nup 1\n# EOF\n');
  expect([...page.announced]).toEqual(['a', 'b']);
  expect(page.samples).toHaveLength(1);
});

test.each([
  '<html>\n',
  'up\n',
  'up{a="1" 1\n',
  'up{a=1} 1\n',
  'up one\n',
  'up 1 now\n',
  '{a="1"} 1\n',
  'up{a="1"b="2"} 1 x\n',
  'up1.5\n',
])('the page %j is not in the format, and the line is named', (text) => {
  expect(() => parsePrometheusText(`# a comment\n${text}`)).toThrow("line 2 is not in Prometheus' text format");
});

test('a page that ends within a line is torn', () => {
  expect(() => parsePrometheusText('requests 1234\nrequests2 12')).toThrow('its last line is torn');
});

test('a page cut anywhere is torn, or ends with a whole line', () => {
  const text = 'a{version="2.4.0"} 1234\nb 5678\n';
  for (let length = 1; length < text.length; length += 1)
    if (text[length - 1] !== '\n') expect(() => parsePrometheusText(text.slice(0, length))).toThrow('torn');
});

test('what prom-client writes is read back as it was', async () => {
  const label = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !/[\r\u2028\u2029]/.test(text));
  const value = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(label, label, value), { maxLength: 8 }), async (rows) => {
      const register = new Registry();
      const counter = new Counter({ name: 'c_total', help: 'c\nhelp', labelNames: ['a', 'b'], registers: [register] });
      const gauge = new Gauge({ name: 'g', help: 'g', labelNames: ['a', 'b'], registers: [register] });
      const histogram = new Histogram({
        name: 'h',
        help: 'h',
        labelNames: ['a'],
        buckets: [0.5, 1],
        registers: [register],
      });
      const counted = new Map<string, number>();
      for (const [a, b, amount] of rows) {
        counter.inc({ a, b }, amount);
        gauge.set({ a, b }, -amount);
        histogram.observe({ a }, amount);
        counted.set(JSON.stringify([a, b]), (counted.get(JSON.stringify([a, b])) ?? 0) + amount);
      }
      const { samples, announced } = parsePrometheusText(await register.metrics());
      expect([...announced]).toEqual(['c_total', 'g', 'h']);
      const read = samples.filter(({ name }) => name === 'c_total');
      expect(
        new Map(read.map(({ labels, value: v }) => [JSON.stringify([labels.get('a'), labels.get('b')]), v])),
      ).toEqual(counted);
      expect(samples.filter(({ name }) => name === 'g')).toHaveLength(counted.size);
      const observed = samples.filter(({ name, labels }) => name === 'h_bucket' && labels.get('le') === '+Inf');
      expect(observed.reduce((sum, { value: v }) => sum + v, 0)).toBe(rows.length);
    }),
  );
});

test('20,000 lines are read in a moment', () => {
  const text = Array.from(
    { length: 20_000 },
    (_, i) => `http_requests_total{version="2.4.0",path="/${i}",code="200"} ${i}\n`,
  ).join('');
  const before = cpuMs();
  expect(parsePrometheusText(text).samples).toHaveLength(20_000);
  expect(cpuMs() - before).toBeLessThan(1_500);
});

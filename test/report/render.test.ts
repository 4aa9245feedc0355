import { expect, test } from '@jest/globals';
import { buildReport } from '../../src/domain/report.ts';
import { chartSvg } from '../../src/report/charts.ts';
import { documentOf } from '../../src/report/document.ts';
import { FORMATS, render } from '../../src/report/render.ts';
import { timelineOf } from '../../src/report/view-timeline.ts';
import { breachedAtGate } from '../support/status.ts';
import { HOSTILE, refused, rolledBack } from './support.ts';

test('the page needs nothing but itself: no script, no link, no other file', async () => {
  const html = await render('html', rolledBack());
  expect(html).not.toMatch(/<script|<link|<img|<iframe|\bhref=|\bsrc=|url\((?!#)|@import/i);
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(html.match(/<svg/g)).toHaveLength(4);
});

test('the outcome comes first, then the headings in their order', async () => {
  const html = await render('html', rolledBack('green failed 26 of 120'));
  expect(html.indexOf('green failed 26 of 120.</p>')).toBeLessThan(html.indexOf('<h2>'));
  const levels = [...html.matchAll(/<h([1-6])>/g)].map(([, level]) => Number(level));
  expect(levels[0]).toBe(1);
  expect(levels.filter((level) => level === 1)).toHaveLength(1);
  for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
  const sections = [...html.matchAll(/<h2>([^<]*)/g)].map(([, title]) => title);
  expect(sections).toEqual([
    'Why',
    'Timeline',
    'Soak at 50 %',
    'Rollback',
    'Decisions',
    'Notifications not delivered',
    'Checklist',
    'About this report',
  ]);
});

test('a breach at the open gate is told with the soak that was healthy before it', async () => {
  const document = documentOf(
    'blue-green/production/shop/run-1',
    buildReport(breachedAtGate(Date.UTC(2026, 10, 25, 12))),
    [],
  );
  for (const format of ['html', 'md'] as const)
    expect(await render(format, document)).toContain(
      'It was proven healthy after 10 min. Then, at the open gate, a breach ended it 1 min later.',
    );
});

test('each chart is an image with its numbers in words, marks what happened, and shades what is missing', async () => {
  const html = await render('html', rolledBack());
  const figures = [...html.matchAll(/<figure role="img" aria-label="([^"]+)">([\s\S]*?)<\/figure>/g)];
  expect(figures.map(([, label]) => label?.split('. ')[0])).toEqual([
    'Requests a second',
    'Share of requests that failed',
    'Share of requests over 500 ms',
    'Mean time of an answer',
  ]);
  const [, label = '', figure = ''] = figures[1] ?? [];
  expect(label).toContain(
    '2.5.0 (green) failed 60 of 500 (12 %); 2.4.0 (blue) failed 0 of 500 (0 %). The limit is 5 %.',
  );
  expect(label).toContain('worst interval had 20 %');
  expect(figure).toContain(label.split('. ').slice(1).join('. '));
  for (const word of ['limit 5 %', 'BREACH', 'shift to 50 %', 'approve: words', 'missing'])
    expect(figure).toContain(`>${word}</text>`);
  expect(html).toContain('Missing, and shaded in the charts: 12:01:20 to 12:01:30.');
});

test('a last interval of a moment is no rate, which would dwarf all others', () => {
  const point = (from: number, to: number, requests: number) => {
    const counts = { requests, failed: 0, slow: 0, meanMs: null };
    return { from, to, green: counts, blue: counts, verdict: 'healthy' as const };
  };
  const series = {
    percentage: 50,
    startedAt: 0,
    endedAt: 10_015,
    from: 'polls' as const,
    points: [point(0, 5_000, 50), point(5_000, 10_000, 50), point(10_000, 10_015, 6)],
    missing: [],
    unread: [],
    failedPolls: 0,
  };
  const value = ({ requests }: { requests: number }, ms: number) => requests / (ms / 1_000);
  const svg = chartSvg({ title: 'rate', words: '', unit: 'perSecond', value }, series, []);
  expect([...svg.matchAll(/>([\d.]+)\/s</g)].map(([, rate]) => Number(rate))).toEqual([0, 5, 10]);
});

test('the charts take every colour from the page, which has one for light and one for dark', async () => {
  const svgs = (await render('html', rolledBack())).match(/<svg[\s\S]*?<\/svg>/g)?.join('') ?? '';
  const painted = [...svgs.matchAll(/(?:fill|stroke)="([^"]+)"/g)].map(([, paint]) => paint ?? '');
  const fixed = painted.filter((paint) => !/^(none|transparent|var\(--[a-z]+\))$/.test(paint));
  expect(fixed.filter((paint) => paint !== '#000')).toEqual([]); // the clip path, which is not seen
  for (const name of ['green', 'blue', 'bad', 'line', 'quiet']) expect(painted).toContain(`var(--${name})`);
});

/** The contrast of two colours by WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

test('texts and lines are told from the page, light and dark', async () => {
  const html = await render('html', refused());
  const schemes = [...html.matchAll(/:root \{([^}]*)\}/g)].slice(0, 2).map(([, body = '']) => body);
  expect(schemes).toHaveLength(2);
  for (const body of schemes) {
    const colours = Object.fromEntries(
      [...body.matchAll(/--([a-z]+): (#[0-9a-f]{6});/g)].map(([, name, colour]) => [name, colour]),
    );
    for (const name of ['ink', 'quiet', 'green', 'blue', 'bad', 'good'])
      expect({ name, enough: contrast(colours[name] ?? '', colours['page'] ?? '') >= 4.5 }).toEqual({
        name,
        enough: true,
      });
  }
});

test('what others wrote is text, and never markup', async () => {
  const html = await render('html', rolledBack(HOSTILE));
  expect(html).not.toContain('<script');
  expect(html).not.toMatch(/[^\P{Cc}\n]/u);
  expect(html.split('&lt;script&gt;alert(1)').length).toBeGreaterThan(10);
  const markdown = await render('md', rolledBack(HOSTILE));
  expect(markdown).not.toMatch(/[^\P{Cc}\n]/u);
  expect(markdown).not.toMatch(/<script|[^\\]\[link|@everyone|[^\\]`code|[^\\]\*bold|https:\/\/evil/);
  for (const line of markdown.split('\n').filter((one) => one.startsWith('|')))
    expect([5, 7]).toContain(line.split(/(?<!\\)\|/).length);
});

test('a freeze that held it is in the timeline, with how long', () => {
  const document = rolledBack();
  const held = {
    ...document,
    holds: [{ from: document.startedAt + 1_000, to: document.startedAt + 181_000, what: 'the freeze "christmas"' }],
  };
  const texts = timelineOf(held).map(({ text }) => text);
  expect(texts).toContain('Held by the freeze "christmas"');
  expect(texts).toContain('Held no more, after 3 min');
});

test('a soak that was extended says when, and why', () => {
  const document = rolledBack();
  const [step] = document.steps;
  if (!step) throw new Error('it has a step');
  const at = step.shiftedAt + 1_000;
  const moments = timelineOf({ ...document, steps: [{ ...step, extended: { at, reason: 'only 12 requests' } }] });
  expect(moments).toContainEqual({
    at,
    text: 'Soak at 50 % extended, not proven yet: only 12 requests',
    tone: 'quiet',
  });
});

test('a deployment that was refused before it had a plan has a report, too', async () => {
  for (const format of FORMATS) {
    const text = await render(format, refused());
    expect(text).toContain('request.version: found');
    expect(text).not.toMatch(/undefined|NaN|\[object/);
  }
  expect(await render('html', refused())).not.toContain('<svg');
});

test('without polls the charts show windows, and it is said that they are coarse', async () => {
  for (const format of ['html', 'md'] as const)
    expect(await render(format, rolledBack('words', []))).toContain('shows its finished windows, which is coarse');
});

test('nothing is left over in any of them', async () => {
  for (const format of FORMATS)
    expect(await render(format, rolledBack())).not.toMatch(/undefined|NaN|Infinity|\[object/);
});

import type { Backtest, RehearsedSoak } from '../../backtest/index.ts';
import { clock, formatDurationRoughly } from './format.ts';
import { METRIC_WORDS, percent } from './rehearsal-format.ts';
import { byHour, inColumns, shareRolledBack, sumOf, WEEKDAYS } from './rehearsal-when.ts';

/** The plots of the page: SVG by hand, coloured by the page's style. Pure. */

const WIDTH = 900;
const LEFT = 60;
const RIGHT = 90;
const HEIGHT = 90;
const MOST_COLUMNS = 400;

/** One under the other over the same time: traffic, each bad share with its limit, and what would have been rolled back. */
export function timePlots({ healthy, past, step }: Backtest): string {
  const columns = inColumns(healthy.soaks, MOST_COLUMNS);
  const total = (name: 'requests' | 'failed' | 'slow') => (soaks: readonly RehearsedSoak[]) =>
    sumOf(soaks, (soak) => soak[name]);
  const share = (name: 'failed' | 'slow') =>
    columns.map((soaks) => total(name)(soaks) / (total('requests')(soaks) || 1));
  const traffic = columns.map((soaks) => (1_000 * total('requests')(soaks)) / (soaks.length * step.soakMs));
  const times = columns.map(([first]) => first?.at ?? past.from);
  const rolledBack = columns.map(shareRolledBack);
  return [
    areaPlot({
      title: 'Requests a second',
      times,
      values: traffic,
      words: (value) => String(Number(value.toPrecision(2))),
    }),
    ...past.metrics.map(({ name, limit }) => {
      const { bad } = METRIC_WORDS[name];
      return areaPlot({
        title: `Share of requests that ${bad === 'slow' ? 'were slow' : 'failed'}, and its limit`,
        times,
        values: share(bad),
        limit,
        words: percent,
      });
    }),
    areaPlot({ title: 'Healthy releases rolled back', times, values: rolledBack, words: percent, top: 1 }),
  ].join('\n');
}

interface AreaPlot {
  readonly title: string;
  readonly times: readonly number[];
  readonly values: readonly number[];
  readonly words: (value: number) => string;
  readonly limit?: number;
  readonly top?: number;
}

function areaPlot({ title, times, values, words, limit, top }: AreaPlot): string {
  const [first = 0, last = 1] = [times[0], times.at(-1)];
  const most = top ?? (Math.max(...values, limit ?? 0) || 1);
  const x = (at: number) => LEFT + ((at - first) / Math.max(1, last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - (value / most) * (HEIGHT - 10);
  const points = values.map((value, index) => `${fixed(x(times[index] ?? first))},${fixed(y(value))}`);
  const edge = `${fixed(x(last))},${HEIGHT} ${fixed(x(first))},${HEIGHT}`;
  return figure(title, HEIGHT + 20, [
    `<line class="axis" x1="${LEFT}" y1="${HEIGHT}" x2="${WIDTH - RIGHT}" y2="${HEIGHT}"/>`,
    `<polygon class="area" points="${points.join(' ')} ${edge}"/>`,
    `<polyline class="curve" points="${points.join(' ')}"/>`,
    ...(limit === undefined
      ? []
      : [
          `<line class="limit" x1="${LEFT}" y1="${fixed(y(limit))}" x2="${WIDTH - RIGHT}" y2="${fixed(y(limit))}"/>`,
          text(WIDTH - RIGHT + 6, y(limit) + 4, `limit ${percent(limit)}`),
        ]),
    text(LEFT - 6, 14, words(most), 'end'),
    text(LEFT - 6, HEIGHT, words(0), 'end'),
    text(LEFT, HEIGHT + 15, clock(first)),
    text(WIDTH - RIGHT, HEIGHT + 15, clock(last), 'end'),
  ]);
}

/** How many of each size are found after which time, each curve named at its end. */
export function curvePlot({ regressions, step }: Backtest): string {
  const height = 240;
  const watchedMs = regressions[0]?.watchedMs ?? step.soakMs;
  const x = (ms: number) => LEFT + (ms / watchedMs) * (WIDTH - LEFT - RIGHT);
  const y = (found: number) => height - found * (height - 10);
  let lowest = Number.POSITIVE_INFINITY;
  // From the best found down; names that would lie over each other move down a line.
  const curves = regressions.toReversed().map(({ added, curve }) => {
    const end = curve.at(-1)?.found ?? 0;
    const labelY = lowest === Number.POSITIVE_INFINITY ? y(end) + 4 : Math.max(y(end) + 4, lowest + 13);
    lowest = labelY;
    const points = curve.map(({ ms, found }) => `${fixed(x(ms))},${fixed(y(found))}`).join(' ');
    return `<polyline class="curve" points="${points}"/>${text(WIDTH - RIGHT + 6, labelY, `fails ${percent(added)}`)}`;
  });
  return figure('Bad releases found, by how long they were watched', height + 20, [
    ...[0, 0.5, 1].flatMap((found) => [
      `<line class="axis" x1="${LEFT}" y1="${fixed(y(found))}" x2="${WIDTH - RIGHT}" y2="${fixed(y(found))}"/>`,
      text(LEFT - 6, y(found) + 4, percent(found), 'end'),
    ]),
    `<line class="limit" x1="${fixed(x(step.soakMs))}" y1="10" x2="${fixed(x(step.soakMs))}" y2="${height}"/>`,
    text(x(step.soakMs), height + 15, `the soak, ${formatDurationRoughly(step.soakMs)}`, 'middle'),
    text(WIDTH - RIGHT, height + 15, formatDurationRoughly(watchedMs), 'end'),
    ...curves,
  ]);
}

/** Weekday by hour; the redder, the more were rolled back. */
export function weekPlot({ healthy }: Backtest): string {
  if (healthy.rolledBack.hits === 0) return '';
  const size = (WIDTH - LEFT - RIGHT) / 24;
  const row = 20;
  const cells = byHour(healthy.soaks).flatMap((hours, day) => [
    text(LEFT - 6, day * row + 15, WEEKDAYS[day] ?? '', 'end'),
    ...hours.flatMap(({ releases, rolledBack }, hour) => {
      if (releases === 0) return [];
      const share = rolledBack / releases;
      const style = share === 0 ? 'class="none"' : `class="bad" fill-opacity="${fixed(0.25 + 0.75 * share)}"`;
      const title = `<title>${WEEKDAYS[day]} ${hour}:00: ${percent(share)} rolled back</title>`;
      return [
        `<rect ${style} x="${fixed(LEFT + hour * size)}" y="${day * row + 2}" width="${fixed(size - 2)}" height="${row - 2}" rx="2">${title}</rect>`,
      ];
    }),
  ]);
  const scale = [0, 6, 12, 18].map((hour) => text(LEFT + hour * size, 7 * row + 16, `${hour}:00`));
  return figure('When they would have been rolled back, by hour of local time', 7 * row + 20, [...cells, ...scale]);
}

function figure(title: string, height: number, parts: readonly string[]): string {
  return `<figure><figcaption>${title}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">${parts.join('')}</svg></figure>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${words}</text>`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}

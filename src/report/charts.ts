import { LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { timeOfDay } from '../format/index.ts';
import type { SeriesPoint, SoakSeries } from './series.ts';
import type { ChartView, Mark } from './view-soaks.ts';

use([LineChart, GridComponent, MarkLineComponent, MarkAreaComponent, SVGRenderer]);

/** The size in which a phone shows it nearly as it is; on a desk two stand side by side. */
const WIDTH = 460;
const HEIGHT = 230;
const LEFT = 58;
const RIGHT = 32;

/** The library takes colours, the page's style has names for them that follow light and dark: these stand for the names. */
const COLOURS = {
  ink: '#000001',
  quiet: '#000002',
  line: '#000003',
  green: '#000004',
  blue: '#000005',
  bad: '#000006',
  good: '#000007',
  gap: '#000008',
} as const;

/** One chart as SVG, coloured by the page's style. It holds no script, no link and no id that another one has. */
export function chartSvg(chart: ChartView, series: SoakSeries, marks: readonly Mark[]): string {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    drawing.setOption(optionOf(chart, series, marks));
    return inPageColours(drawing.renderToSVGString());
  } finally {
    drawing.dispose(); // a timer of its own would keep the process
  }
}

function optionOf(chart: ChartView, series: SoakSeries, marks: readonly Mark[]) {
  const { limit, unit } = chart;
  const line = (version: 'green' | 'blue') => {
    const data = pointsOf(series, (point) => valueIn(chart, series, point, version));
    const values = data.filter(([, one]) => one !== null);
    return {
      type: 'line' as const,
      data,
      // A single point has no line; without a character of its own it would not be seen.
      showSymbol: values.length === 1,
      silent: true,
      lineStyle: { width: 2, color: COLOURS[version], type: version === 'green' ? ('solid' as const) : [6, 3] },
      itemStyle: { color: COLOURS[version] },
    };
  };
  const values = (['green', 'blue'] as const).flatMap((version) =>
    series.points.flatMap((point) => valueIn(chart, series, point, version) ?? []),
  );
  // A chart of nothing but zeros still has a height, and a limit is always in sight.
  const top = niceTop(Math.max(...values, (limit ?? 0) * 1.15));
  const labelled = placed(marks, series);
  return {
    animation: false,
    grid: {
      left: LEFT,
      right: RIGHT,
      top: 8 + ROW_PX * (1 + Math.max(0, ...labelled.map(({ row }) => row))),
      bottom: 26,
    },
    xAxis: {
      type: 'time' as const,
      min: series.startedAt,
      max: Math.max(series.endedAt, ...marks.map(({ at }) => at)),
      splitNumber: 3,
      axisLine: { lineStyle: { color: COLOURS.line } },
      axisTick: { show: false },
      axisLabel: {
        color: COLOURS.quiet,
        fontSize: 12,
        formatter: (at: number) => timeOfDay(at),
        hideOverlap: true,
        alignMaxLabel: 'right' as const,
      },
    },
    yAxis: {
      type: 'value' as const,
      min: 0,
      max: top,
      interval: top / 2,
      splitLine: { lineStyle: { color: COLOURS.line } },
      axisLabel: { color: COLOURS.quiet, fontSize: 12, formatter: (one: number) => UNITS[unit](one) },
    },
    series: [
      { ...line('blue'), z: 2 },
      {
        ...line('green'),
        z: 3,
        markLine: {
          silent: true,
          symbol: 'none',
          data: [
            ...labelled.map(({ at, label, tone, row, align }) => ({
              xAxis: at,
              lineStyle: { color: COLOURS[tone], type: 'solid' as const, width: tone === 'bad' ? 2 : 1 },
              label: {
                ...LABEL,
                color: tone === 'quiet' ? COLOURS.quiet : COLOURS[tone],
                formatter: label,
                position: 'end' as const,
                rotate: 0,
                align,
                distance: 3 + row * ROW_PX,
              },
            })),
            ...(limit === undefined
              ? []
              : [
                  {
                    yAxis: limit,
                    lineStyle: { color: COLOURS.bad, type: [3, 3], width: 1.5 },
                    label: {
                      ...LABEL,
                      color: COLOURS.bad,
                      formatter: `limit ${UNITS[unit](limit)}`,
                      position: 'insideStartTop' as const,
                    },
                  },
                ]),
          ],
        },
        markArea: {
          silent: true,
          itemStyle: { color: COLOURS.gap },
          label: { ...LABEL, color: COLOURS.quiet, position: 'inside' as const },
          data: series.missing.map(({ from, to }) => [{ xAxis: from, name: 'missing' }, { xAxis: to }]),
        },
      },
    ],
  };
}

/**
 * A rate is not shown of the first interval, which began before the shift, nor of a last one that is too short for one: it
 * ends with the soak, not with a reading.
 */
function valueIn(
  { value, unit }: ChartView,
  { startedAt, points }: SoakSeries,
  point: SeriesPoint,
  version: 'green' | 'blue',
): number | undefined {
  const lengthMs = point.to - point.from;
  const [before, last] = points.slice(-2);
  const isCutShort = before && point === last && lengthMs < (before.to - before.from) / 4;
  if (unit === 'perSecond' && (point.from < startedAt || isCutShort)) return undefined;
  return value(point[version], lengthMs);
}

/** Without a border, which would be the colour of a page that is not ours. */
const LABEL = { fontSize: 12, textBorderWidth: 0, textBorderColor: 'transparent' } as const;

const SIGN_PX = 6.6;
const ROW_PX = 14;
const LONGEST_LABEL = 24;
/** More labels than fit here are left out; their lines stay, and the words beside the chart have them all. */
const MOST_ROWS = 4;

/** Each mark with the row above the chart in which its label overlaps with no other, and on which side of its line. */
function placed(marks: readonly Mark[], { startedAt, endedAt }: SoakSeries) {
  const rows: number[] = []; // where the last label of each ends
  return marks
    .map((mark) => ({ ...mark, label: shortened(mark.label) }))
    .toSorted((a, b) => a.at - b.at)
    .map((mark) => {
      const place = (mark.at - startedAt) / Math.max(1, endedAt - startedAt);
      const width = mark.label.length * SIGN_PX;
      const align = place > 0.6 ? ('right' as const) : ('left' as const);
      const line = place * (WIDTH - LEFT - RIGHT);
      const [from, to] = align === 'right' ? [line - width, line] : [line, line + width];
      const free = rows.findIndex((end) => end < from);
      const row = free >= 0 ? free : rows.length;
      if (row < MOST_ROWS) rows[row] = to + SIGN_PX;
      return { ...mark, label: row < MOST_ROWS ? mark.label : '', row: Math.min(row, MOST_ROWS - 1), align };
    });
}

/** A name may be long, and whatever its sender liked. */
function shortened(label: string): string {
  const characters = Array.from(label.replace(/\p{Cc}/gu, ' '));
  return characters.length <= LONGEST_LABEL
    ? characters.join('')
    : `${characters.slice(0, LONGEST_LABEL - 1).join('')}…`;
}

/** A polled value stands at the end of its interval; a window's holds from its beginning to its end. */
function pointsOf({ points, from: kind }: SoakSeries, value: (point: SeriesPoint) => number | undefined) {
  const data: [number, number | null][] = [];
  let before: number | undefined;
  for (const point of points) {
    const one = value(point) ?? null;
    if (before !== undefined && point.from > before) data.push([(before + point.from) / 2, null]);
    if (kind === 'windows') data.push([point.from, one]);
    data.push([point.to, one]);
    before = point.to;
  }
  return data;
}

const UNITS: Readonly<Record<ChartView['unit'], (value: number) => string>> = {
  perSecond: (value) => `${Number(value.toPrecision(3))}/s`,
  share: (value) => `${Number((100 * value).toPrecision(3))} %`,
  ms: (value) => `${Number(value.toPrecision(3))} ms`,
};

/** The next of these times a power of ten: half of it is a round number, too. */
function niceTop(most: number): number {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([1, 2, 3, 4, 5, 6, 8].find((step) => step * power >= most) ?? 10);
}

/** What the library adds for a mouse in a browser is left out: nothing here reacts to one. */
function inPageColours(svg: string): string {
  const bare = svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
    .replace(/ (class|pointer-events|ecmeta_\w+|xmlns:xlink|xmlns|version|baseProfile|xml:space)="[^"]*"/g, '')
    .replace(/font-family:[^;"]*;?/g, '')
    .replace(/ width="\d+" height="\d+" viewBox/, ' viewBox')
    .replace(/^<svg/, '<svg aria-hidden="true" focusable="false"');
  return Object.entries(COLOURS).reduce(
    (text, [name, colour]) => text.replaceAll(`"${colour}"`, `"var(--${name})"`),
    bare,
  );
}

import { cutShort, furtherWords } from '../domain/index.ts';
import { count, dateTime, timeOfDay } from '../format/index.ts';
import { type Limits, timedOf } from '../judge/index.ts';
import type { ReportDocument } from './document.ts';
import { length, outOf, percent, sentence } from './format.ts';
import { type PointCounts, type SoakSeries, totalOf } from './series.ts';

/** A line drawn across a chart at one moment. */
export interface Mark {
  readonly at: number;
  readonly label: string;
  readonly tone: 'quiet' | 'good' | 'bad';
}

/** What a chart shows: a value for each version over time. */
export interface ChartView {
  readonly title: string;
  /** The same in words, with the numbers. */
  readonly words: string;
  readonly unit: 'perSecond' | 'share' | 'ms';
  /** Nothing where there were no requests. */
  readonly value: (counts: PointCounts, lengthMs: number) => number | undefined;
  readonly limit?: number;
}

export interface SoakView {
  readonly title: string;
  readonly sentences: readonly string[];
  readonly charts: readonly ChartView[];
  readonly marks: readonly Mark[];
  readonly series: SoakSeries;
  /** How the last windows were judged. */
  readonly windows: readonly (readonly string[])[];
}

export function soaksOf(document: ReportDocument): SoakView[] {
  return document.series.map((series, index) => {
    const step = document.steps[index];
    return {
      title: `Soak at ${series.percentage} %`,
      sentences: sentencesOf(document, index, series),
      charts: series.points.length === 0 ? [] : chartsOf(document, series),
      marks: marksOf(document, index, series),
      series,
      windows: (step?.windows ?? []).map(({ from, to, verdict, reason }) => [
        `${timeOfDay(from)} to ${timeOfDay(to)}`,
        verdict,
        sentence(reason),
      ]),
    };
  });
}

function sentencesOf(document: ReportDocument, index: number, series: SoakSeries): string[] {
  const { startedAt, endedAt, missing, unread, failedPolls, lastProblem } = series;
  const step = document.steps[index];
  const { provenAt, gate } = step ?? {};
  const cut = step && cutShort(step, document);
  const end =
    provenAt === undefined
      ? `It was not proven healthy${cut ? `: after ${length(cut.at - startedAt)} the rollback was due` : ''}.`
      : `It was proven healthy after ${length(provenAt - startedAt)}.${cut ? ` Then, at the open gate, ${cut.by} ended it ${length(cut.at - provenAt)} later.` : ''}`;
  const times = (gaps: typeof missing): string =>
    gaps.map(({ from, to }) => `${timeOfDay(from)} to ${timeOfDay(to)}`).join(', ');
  return [
    `From ${dateTime(startedAt)}, for ${length(endedAt - startedAt)}. ${end}`,
    ...(gate?.passedAt === undefined
      ? []
      : [
          `The gate ${gate.id} was approved by ${gate.approvedBy.join(', ')} and passed at ${timeOfDay(gate.passedAt)}.`,
        ]),
    ...(series.from === 'windows'
      ? [
          'The polls of the watch are not kept on this machine: what is here shows its finished windows, which is coarse.',
        ]
      : []),
    ...(series.from === 'nothing' ? ['No counts of this soak are kept: there is nothing to draw.'] : []),
    ...(missing.length === 0 || series.from === 'nothing'
      ? []
      : [`Missing, and shaded in the charts: ${times(missing)}.`]),
    ...(unread.length === 0
      ? []
      : [`Nobody read the metrics from ${times(unread)}; the reading afterwards counted the requests of that time.`]),
    ...(failedPolls === 0
      ? []
      : [`${count(failedPolls, 'poll')} brought nothing; the last of them: ${sentence(lastProblem ?? '')}`]),
    ...(step?.analysis ?? []).map((one) => `${furtherWords(one)}: ${sentence(one.reason)}`),
  ];
}

function marksOf({ rollback, decisions, steps, startedAt }: ReportDocument, index: number, series: SoakSeries): Mark[] {
  const { provenAt, gate } = steps[index] ?? {};
  const until = index === steps.length - 1 ? Number.POSITIVE_INFINITY : series.endedAt;
  const mark = (at: number | undefined, label: string, tone: Mark['tone']): Mark[] =>
    at === undefined ? [] : [{ at, label, tone }];
  return [
    ...mark(series.startedAt, `shift to ${series.percentage} %`, 'quiet'),
    ...mark(provenAt, 'proven', 'good'),
    ...mark(gate?.passedAt, 'gate', 'good'),
    ...decisions
      .filter(({ at, taken }) => taken && at >= Math.max(series.startedAt, startedAt) && at <= until)
      .flatMap(({ at, action, by }) => mark(at, `${action}: ${by}`, 'quiet')),
    ...(index === steps.length - 1 && rollback
      ? mark(rollback.detectedAt, rollback.cause === 'breach' ? 'BREACH' : 'rollback', 'bad')
      : []),
  ];
}

type Count = (counts: PointCounts) => number;

function chartsOf({ limits, version, blue = 'blue' }: ReportDocument, { points, startedAt }: SoakSeries): ChartView[] {
  const both = (words: (counts: PointCounts) => string): string =>
    `${version} (green) ${words(totalOf(points, 'green'))}; ${blue} (blue) ${words(totalOf(points, 'blue'))}`;
  // The first interval began before the shift: its requests count, but say nothing of the rate after it.
  const after = points.filter(({ from }) => from >= startedAt);
  const spanMs = after.reduce((sum, { from, to }) => sum + to - from, 0);
  const rate = (of: 'green' | 'blue'): string => perSecond(totalOf(after, of).requests, spanMs);
  const worst = (bad: Count, all: Count = ({ requests }) => requests): string => {
    const seen = points.flatMap(({ to, green }) => (all(green) > 0 ? [{ to, share: bad(green) / all(green) }] : []));
    const most = seen.reduce<(typeof seen)[number] | undefined>(
      (top, one) => (top && top.share >= one.share ? top : one),
      undefined,
    );
    return most && most.share > 0
      ? ` Green's worst interval had ${percent(most.share)}, until ${timeOfDay(most.to)}.`
      : '';
  };
  const hasMeans = points.some((point) => [point.green, point.blue].some(({ meanMs }) => typeof meanMs === 'number'));
  return [
    {
      title: 'Requests a second',
      words: `${version} (green) ${rate('green')}; ${blue} (blue) ${rate('blue')}.`,
      unit: 'perSecond',
      value: ({ requests }, lengthMs) => (1_000 * requests) / lengthMs,
    },
    {
      title: 'Share of requests that failed',
      words: `${both(({ failed, requests }) => (requests === 0 ? 'had no requests' : `failed ${outOf(failed, requests)}`))}.${limitWords(limits?.errorRate)}${worst(({ failed }) => failed)}`,
      unit: 'share',
      value: ({ failed, requests }) => (requests > 0 ? failed / requests : undefined),
      ...(limits ? { limit: limits.errorRate } : {}),
    },
    ...latencyChart(limits, both, worst),
    ...(hasMeans
      ? [
          {
            title: 'Mean time of an answer',
            words: `${both(({ meanMs }) => (typeof meanMs !== 'number' ? 'is not known' : `took ${Math.round(meanMs)} ms on average`))}. The mean has no limit; it is shown to see where it goes.`,
            unit: 'ms' as const,
            value: ({ meanMs, requests }: PointCounts) => (requests > 0 ? (meanMs ?? undefined) : undefined),
          },
        ]
      : []),
  ];
}

function latencyChart(
  limits: Limits | undefined,
  both: (words: (counts: PointCounts) => string) => string,
  worst: (bad: Count, all?: Count) => string,
): ChartView[] {
  if (!limits?.latency) return [];
  const { quantile, underMs } = limits.latency;
  const limit = 1 - quantile;
  return [
    {
      title: `Share of requests over ${underMs} ms`,
      words: `${both((counts) => slowWords(counts, underMs))}.${limitWords(limit)}${worst(({ slow }) => slow ?? 0, timedOf)}`,
      unit: 'share',
      value: (counts) => (timedOf(counts) > 0 && counts.slow !== null ? counts.slow / timedOf(counts) : undefined),
      limit,
    },
  ];
}

function slowWords(counts: PointCounts, underMs: number): string {
  const timed = timedOf(counts);
  if (counts.slow === null || (timed === 0 && counts.requests > 0)) return 'is not measured';
  return `was over ${underMs} ms for ${outOf(counts.slow, timed)}`;
}

function limitWords(limit: number | undefined): string {
  return limit === undefined ? '' : ` The limit is ${percent(limit)}.`;
}

function perSecond(requests: number, ms: number): string {
  if (ms <= 0) return 'had requests at a rate that is not known';
  return `had ${count(requests, 'request')} after the shift, ${Number(((1_000 * requests) / ms).toPrecision(3))} a second`;
}

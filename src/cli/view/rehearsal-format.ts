import type { Backtest, MetricSummary, Rate, Regression } from '../../backtest/index.ts';
import { grouped } from '../../format/index.ts';
import { formatDurationRoughly } from './format.ts';

/** What a rehearsal found, in sentences; the terminal and the page say the same. Pure. */

const DOUBTS_SHOWN = 3;
const CLUSTERED = 1.2;

export interface Subject {
  readonly service: string;
  readonly environment: string;
}

/** Two significant digits: `0.3 %`, `12 %`; all of it is 100 %, and nothing else is. */
export function percent(share: number): string {
  const digits = share > 0.99 && share < 1 ? Math.min(99.9, 100 * share).toFixed(1) : (100 * share).toPrecision(2);
  return `${Number(digits)} %`;
}

/** `0.3 %, at most 0.9 %` */
function outOf({ rate, high }: Rate): string {
  return `${percent(rate)}, at most ${percent(high)}`;
}

export const METRIC_WORDS = {
  errors: { bad: 'failed', noun: 'Failures' },
  latency: { bad: 'slow', noun: 'Slow requests' },
} as const satisfies Record<MetricSummary['name'], { bad: string; noun: string }>;

export function healthySentences({ healthy, step }: Backtest): string[] {
  const { releases, rolledBack, breached, unproven, rolledBackLikePast: shared, extended, doubts } = healthy;
  const soak = formatDurationRoughly(step.soakMs);
  return [
    `Of ${grouped(releases)} rehearsed healthy releases ${grouped(rolledBack.hits)} would have been rolled back ` +
      `(${outOf(rolledBack)}).`,
    ...(rolledBack.hits > 0
      ? [
          `${grouped(breached.hits)} for a breach, ${grouped(unproven.hits)} for want of proof after ` +
            `${formatDurationRoughly(step.maxSoakMs)}.`,
        ]
      : []),
    ...(shared > 0
      ? [`For ${grouped(shared)} of these the past itself would have been, too: an incident, or limits too tight.`]
      : []),
    extended.hits === 0
      ? `All others were proven healthy when the soak of ${soak} ended.`
      : `${grouped(extended.hits)} were not proven healthy after ${soak} (${outOf(extended)}), and their soak was extended.`,
    ...doubts
      .slice(0, DOUBTS_SHOWN)
      .map(({ releases: some, example }) => `${grouped(some)} of these like this one: ${example}.`),
  ];
}

export function pastSentences({ past }: Backtest): string[] {
  return past.metrics.flatMap((metric) => {
    const { bad, noun } = METRIC_WORDS[metric.name];
    const { intervals, soaks, longestMs } = metric.overLimit;
    const over =
      longestMs === 0
        ? `The past was never over the limit of ${percent(metric.limit)} ${bad}.`
        : `The past itself was over the limit of ${percent(metric.limit)} ${bad} in ${percent(intervals)} of its ` +
          `intervals and ${percent(soaks)} of its soaks, for ${formatDurationRoughly(longestMs)} at the longest.`;
    return [over, dispersionSentence(noun, metric)];
  });
}

function dispersionSentence(noun: string, { dispersion }: MetricSummary): string {
  const { factor, withoutWorst } = dispersion;
  if (factor === undefined || withoutWorst === undefined) return `${noun}: none in the past.`;
  const times = (one: number) => one.toPrecision(2);
  return (
    `${noun} ${kindOf(factor, withoutWorst)}: neighbouring intervals differ ${times(factor)} times as much as chance alone ` +
    `explains (${times(withoutWorst)} without the worst hundredth).`
  );
}

/** The edges of one incident are a few pairs that differ much; clusters are everywhere. */
function kindOf(factor: number, withoutWorst: number): string {
  if (withoutWorst >= CLUSTERED) return 'come in clusters';
  return factor >= CLUSTERED
    ? 'look independent of each other but for a few moments'
    : 'look independent of each other';
}

/** What the soak finds, and how long it would have to be. */
export function findingSentences({ regressions, step }: Backtest): string[] {
  const isSure = ({ foundInSoak }: Regression) => foundInSoak.rate >= 0.95;
  const sure = regressions.find(isSure);
  const missed = regressions.filter((one) => !isSure(one)).at(-1);
  return [
    sure
      ? `In ${formatDurationRoughly(step.soakMs)} a release that fails ${percent(sure.added)} more is found in ` +
        `${percent(sure.foundInSoak.rate)} of the cases, half of them within ${lengthOf(sure.medianMs, sure)}.`
      : `In ${formatDurationRoughly(step.soakMs)} none of these is found in 95 of 100 cases.`,
    ...(missed
      ? [
          `To find one that fails ${percent(missed.added)} more in 95 of 100 cases, the soak has to be ` +
            `${lengthOf(missed.mostMs, missed)}.`,
        ]
      : []),
  ];
}

export function lengthOf(ms: number | undefined, { watchedMs }: Pick<Regression, 'watchedMs'>): string {
  return ms === undefined ? `longer than ${formatDurationRoughly(watchedMs)}` : formatDurationRoughly(ms);
}

export function ruleWords({ step }: Backtest): string {
  const { errorRate, latency } = step.rules.limits;
  const slow = latency ? `; slower than ${latency.underMs} ms up to ${percent(1 - latency.quantile)}` : '';
  return `failed up to ${percent(errorRate)}${slow}; rule "${step.rules.rule}"`;
}

export function stepWords({ step }: Backtest): string {
  return `${percent(step.share)} for ${formatDurationRoughly(step.soakMs)}, extended up to ${formatDurationRoughly(step.maxSoakMs)}`;
}

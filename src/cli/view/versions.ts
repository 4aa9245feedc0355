import type { DeploymentPlan, StepStatus, WatchHeartbeat } from '../../domain/index.ts';
import { isOver, timedOf } from '../../judge/index.ts';
import { type Axis, allOf, axisOf, rateIn, shareIn, sparkline, stretchesOf } from './chart.ts';
import { formatDurationRoughly, meanWords, share } from './format.ts';
import { clip } from './layout.ts';
import type { Paint } from './output.ts';
import { NO_HISTORY, type Sample } from './phase-history.ts';
import type { DeploymentSnapshot } from './snapshot.ts';

/** Blue and green beside each other: numbers of the newest reading, limits, and charts where there is room. Pure. */

export interface Versions {
  readonly plan: DeploymentPlan;
  readonly live: WatchHeartbeat | undefined;
  readonly samples: readonly Sample[];
  /** Since when the charts tell. */
  readonly from: number;
  readonly now: number;
}

export function versionsOf(
  { live, past = NO_HISTORY, at }: DeploymentSnapshot,
  plan: DeploymentPlan,
  step: StepStatus,
): Versions {
  const samples = past.samples.filter(({ to }) => to > step.shiftedAt);
  return { plan, live, samples, from: step.shiftedAt, now: at };
}

/** Whether green's newest reading alone is over a limit: not yet a breach, but seen. */
export function isOverNow(live: WatchHeartbeat | undefined, { judge: { limits } }: DeploymentPlan): boolean {
  const green = live?.latest?.green;
  if (!green) return false;
  const slowest = limits.latency ? 1 - limits.latency.quantile : 1;
  return isOver(green.failed, green.requests, limits.errorRate) || isOver(green.slow ?? 0, timedOf(green), slowest);
}

const VALUE = 8;
const SIGN = 2;
const LEAST_CHART = 6;
const MOST_CHART = 40;
const LEAST_STRETCH_MS = 1_000;

interface Row {
  readonly label: string;
  readonly value: (version: Live) => string;
  /** Read without colours, too. */
  readonly isOver?: (version: Live) => boolean;
  readonly limit?: string;
  readonly chart?: (version: 'blue' | 'green') => readonly (number | undefined)[];
  readonly top?: number;
  readonly scale?: string;
}

/** The newest reading of one version. */
type Live = NonNullable<WatchHeartbeat['latest']>['green'] & { readonly intervalMs: number };

/** A reading at the end of a window may be of a few milliseconds: its rate says nothing. */
export function isLongEnough(
  { intervalMs }: Pick<Live, 'intervalMs'>,
  { watch: { pollMs } }: Pick<DeploymentPlan, 'watch'>,
): boolean {
  return intervalMs >= Math.min(pollMs / 2, 1_000);
}

/** `short`: only what has a limit. */
export function versionLines(
  versions: Versions,
  columns: number,
  paint: Paint,
): { readonly lines: readonly string[]; readonly short: readonly string[] } {
  const { plan, live, now } = versions;
  const newest = live?.latest && isLongEnough(live.latest, plan) ? live.latest : undefined;
  const { blue, green } = plan.target;
  const label = Math.max('errors'.length, slowLabel(plan).length) + 1;
  const limit = 'limit 5.0 %'.length + 2;
  const room = Math.floor((Math.min(columns, 130) - label - limit) / 2) - VALUE - SIGN - 2;
  const width = room < LEAST_CHART ? 0 : Math.min(MOST_CHART, room);
  const arm = VALUE + SIGN + (width > 0 ? width + 2 : 0);
  const axis = axisOf(versions.from, now, {
    width: Math.max(1, width),
    leastMs: Math.max(LEAST_STRETCH_MS, plan.watch.pollMs),
  });
  const rows = rowsOf(versions, axis);

  const name = (colour: string, version: string): string => {
    const full = `${colour} ${version}`;
    return `  ${full.length < arm - SIGN ? full : colour}`.padEnd(arm);
  };
  const cell = (row: Row, version: 'blue' | 'green'): string => {
    const latest = newest && { ...newest[version], intervalMs: newest.intervalMs };
    const isRed = latest !== undefined && row.isOver?.(latest) === true;
    const value = `${(latest ? row.value(latest) : '-').padStart(VALUE)}${isRed ? ' ✗' : '  '}`;
    const chart = width > 0 ? ` ${sparkline(row.chart?.(version) ?? [], row.top ?? 1).padEnd(width)} ` : '';
    return isRed ? paint.red.bold(`${value}${chart}`) : `${value}${chart}`;
  };
  const line = (row: Row): string =>
    `${row.label.padEnd(label)}${cell(row, 'blue')}${cell(row, 'green')}${paint.dim(row.limit === undefined ? '' : `${width > 0 ? 'limit' : ' ≤'} ${row.limit}`)}`.trimEnd();
  const head = paint.dim(`${' '.repeat(label)}${name('blue', blue)}${name('green', green)}`.trimEnd());
  const scales = rows.flatMap(({ scale }) => scale ?? []);
  const caption = `charts: ${formatDurationRoughly(now - versions.from)}, ${formatDurationRoughly(axis.stretchMs)} a column; full height: ${scales.join(', ')}`;
  return {
    lines: [
      head,
      ...rows.map(line),
      ...(width > 0 && versions.samples.length > 0 ? [paint.dim(clip(caption, columns))] : []),
    ],
    short: [head, ...rows.filter((row) => row.limit !== undefined).map(line)],
  };
}

function rowsOf({ plan, samples }: Versions, axis: Axis): Row[] {
  const { errorRate, latency } = plan.judge.limits;
  const of = (version: 'blue' | 'green') => stretchesOf(samples, version, axis);
  const stretches = { blue: of('blue'), green: of('green') };
  const rate = (version: 'blue' | 'green') => stretches[version].map(rateIn);
  const fastest = Math.max(1, ...known([...rate('blue'), ...rate('green')]));
  return [
    {
      label: 'rate',
      value: ({ requests, intervalMs }) => `${((requests * 1_000) / intervalMs).toFixed(1)}/s`,
      chart: rate,
      top: fastest,
      scale: `${Math.ceil(fastest)}/s`,
    },
    shareRow('errors', 'failed', errorRate),
    ...(latency ? [shareRow(slowLabel(plan), 'slow', 1 - latency.quantile)] : []),
    {
      label: 'mean',
      value: ({ requests, meanMs }) => meanWords(requests, meanMs),
    },
  ];

  function shareRow(label: string, kind: 'failed' | 'slow', limit: number): Row {
    const chart = (version: 'blue' | 'green') => stretches[version].map(shareIn(kind));
    // The limit is at half of the height or lower.
    const top = Math.min(1, Math.max(2 * limit, ...known([...chart('blue'), ...chart('green')])));
    return {
      label,
      value: (version) => share(version[kind] ?? 0, allOf(kind, version)),
      isOver: (version) => isOver(version[kind] ?? 0, allOf(kind, version), limit),
      limit: share(limit, 1),
      chart,
      top,
      scale: `${Math.round(100 * top)} %`,
    };
  }
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function slowLabel({ judge: { limits } }: DeploymentPlan): string {
  return limits.latency ? `over ${limits.latency.underMs} ms` : '';
}

import { count, percent } from '../../format/index.ts';
import { timedOf } from '../../judge/index.ts';
import type { FreshCounts, Problem } from '../../plugin/index.ts';
import { wrap } from './layout.ts';
import type { Paint } from './output.ts';

/** What the metrics of a service showed while they were read. */
export interface Inspected {
  readonly kind: string;
  readonly service?: string;
  readonly environment?: string;
  /** From the first reading to the last, as the source dates them. */
  readonly spanMs: number;
  /** How old the newest counts were when they arrived. */
  readonly ageMs: number;
  readonly measuresLatency: boolean;
  readonly versions: readonly InspectedVersion[];
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

interface InspectedVersion {
  readonly version: string;
  readonly role?: 'blue' | 'green';
  readonly counts: FreshCounts;
  /** Beyond how many seconds its requests count as slow. */
  readonly slowAboveS: readonly number[];
  readonly facts: readonly { readonly what: string; readonly is: string }[];
}

/** The inspection as text, no line wider than `width`. Pure. */
export function renderInspection(
  { kind, service, environment, spanMs, ageMs, measuresLatency, versions, problems, notes }: Inspected,
  { paint, width }: { readonly paint: Paint; readonly width: number },
): string[] {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const order = (one: InspectedVersion) => ({ blue: 0, green: 1 })[one.role ?? 'blue'] + (one.role ? 0 : 2);
  const lines = [
    `${paint.bold('METRICS')}  ${service === undefined ? '' : `${service} in ${environment}, `}kind ${kind}`,
    `  counted for ${seconds(spanMs)}; the newest counts were ${seconds(Math.max(0, ageMs))} old`,
    ...[...versions]
      .sort((one, other) => order(one) - order(other))
      .flatMap((one) => ['', ...versionLines(one, { spanMs, measuresLatency, paint })]),
    ...(versions.length === 0 ? ['', '  no version'] : []),
    ...notes.flatMap((note) => ['', paint.yellow(note)]),
    ...problems.flatMap(({ found, unblock }) => ['', paint.red(`Found: ${found}.`), `To do: ${unblock}.`]),
    '',
    problems.length === 0
      ? paint.green('Nothing is wrong that can be known before a shift.')
      : paint.red(`${count(problems.length, 'problem')}: no traffic would be shifted.`),
  ];
  return lines.flatMap((line) => wrap(line, width));
}

function versionLines(
  { version, role, counts, slowAboveS, facts }: InspectedVersion,
  { spanMs, measuresLatency, paint }: { spanMs: number; measuresLatency: boolean; paint: Paint },
): string[] {
  const { requests, failed, slow, seconds } = counts;
  const row = (what: string, is: string) => `  ${what.padEnd(14)} ${is}`;
  const share = (part: number, all = requests) =>
    all === 0 ? 'no request yet' : `${percent(part / all)} (${part} of ${all})`;
  const timed = timedOf(counts);
  return [
    `${paint.bold(version)}${role ? `  ${role}` : ''}`,
    row('requests', spanMs > 0 ? `${((1_000 * requests) / spanMs).toFixed(1)} a second` : 'not counted'),
    row('failed', share(failed)),
    row(
      'slow',
      measuresLatency && slowAboveS.length > 0 && (timed > 0 || requests === 0)
        ? `${share(slow, timed)}, over ${[...new Set(slowAboveS)].join(' and ')} s`
        : 'not measured',
    ),
    ...(measuresLatency && timed > 0 && seconds > 0
      ? [row('mean', `${Math.round((1_000 * seconds) / timed)} ms`)]
      : []),
    ...facts.map(({ what, is }) => row(what, is)),
  ];
}

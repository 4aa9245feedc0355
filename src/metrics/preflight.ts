import type { Limits } from '../runbook/plan.ts';
import type { Inspection } from './source.ts';

/** Something that keeps these metrics from being judged, and what to do about it. */
export interface MetricsProblem {
  readonly found: string;
  readonly unblock: string;
}

/** What is wrong with these metrics as the watch would read them; empty where a soak can be judged by them. Pure. */
export function metricsProblems(
  { reading, metrics }: Inspection,
  { blue }: { readonly blue: string; readonly green: string; readonly limits: Limits },
): readonly MetricsProblem[] {
  const known = [...new Set(Object.values(reading.series).map(({ version }) => version))];
  if (known.includes(blue)) return [];
  return [
    {
      found: `the metrics have no series of ${blue}; they know ${known.join(', ') || 'no version at all'}`,
      unblock: `let what answers for ${blue} count its requests under this name in the label ${metrics.versionLabel}`,
    },
  ];
}

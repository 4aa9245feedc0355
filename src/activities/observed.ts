import type { DeploymentTarget } from '../domain/index.ts';
import type { Interval } from '../judge/index.ts';
import { type MetricInterval, NO_COUNTS } from '../plugin/index.ts';

/** What the judge gets of an interval. */
export function observed(
  { from, to, counts, restarted = {}, absent = [] }: MetricInterval,
  target: Pick<DeploymentTarget, 'blue' | 'green'>,
): Interval {
  // What restarted for both is what counts them: a router, say.
  const ofBlue = restarted[target.blue] ?? [];
  const alone = (restarted[target.green] ?? []).filter((one) => !ofBlue.includes(one));
  const isDark = absent.includes(target.green) && !absent.includes(target.blue);
  return {
    from,
    to,
    green: counts[target.green] ?? NO_COUNTS,
    blue: counts[target.blue] ?? NO_COUNTS,
    greenRestarts: Object.fromEntries(alone.map((one) => [one, 1])),
    ...(isDark ? { greenDark: true } : {}),
  };
}

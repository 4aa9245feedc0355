import type { DeploymentTarget } from '../domain/index.ts';
import type { Interval } from '../judge/index.ts';
import { type MetricInterval, NO_COUNTS } from '../plugin/index.ts';
import type { InstancesNews } from './instances.ts';

/** What the judge gets of an interval. @param news what the platform says of the instances, for one of the intervals of a reading */
export function observed(
  { from, to, counts, restarted = {}, absent = [] }: MetricInterval,
  target: Pick<DeploymentTarget, 'blue' | 'green'>,
  news?: InstancesNews,
): Interval {
  // What restarted for both is what counts them: a router, say.
  const ofBlue = restarted[target.blue] ?? [];
  const alone = (restarted[target.green] ?? []).filter((one) => !ofBlue.includes(one));
  const isAbsent = absent.includes(target.green) && !absent.includes(target.blue);
  // Counts of green are worth more than a look at one moment.
  const isDown = news?.isGreenDown === true && (counts[target.green]?.requests ?? 0) === 0;
  return {
    from,
    to,
    green: counts[target.green] ?? NO_COUNTS,
    blue: counts[target.blue] ?? NO_COUNTS,
    // A restart that both see has two names: neither counts twice.
    greenRestarts: { ...Object.fromEntries(alone.map((one) => [one, 1])), ...news?.restarted },
    ...(isAbsent || isDown ? { greenDark: true } : {}),
  };
}

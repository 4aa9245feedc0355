import type { Limits } from '../judge/index.ts';
import { type CounterSource, metricsUnavailable, type Reading } from '../plugin/index.ts';
import { isBelow } from './bucket-ends.ts';
import type { Compared, CounterAdapter, Inspection } from './inspection.ts';
import { metricsProblems, untrueCounts } from './preflight.ts';

/** The counters of an adapter. A reading with counts that are not true is refused as if it could not be read. */
export function checkedCounters(adapter: CounterAdapter, limits: Limits, compared?: Compared): Required<CounterSource> {
  return {
    read: async (signal, since) => {
      const inspection = await adapter.inspect(signal, since);
      const [untrue] = untrueCounts(inspection, limits, compared);
      if (untrue) throw metricsUnavailable(`${untrue.found}: ${untrue.unblock}`);
      return { ...inspection.reading, ...stricter(inspection, limits, compared) };
    },
    inspect: async (signal, since) => {
      const inspection = await adapter.inspect(signal, since);
      const { reading, slowOver: slowAbove, clocks } = inspection;
      const problems = compared
        ? metricsProblems(inspection, { ...compared, limits })
        : untrueCounts(inspection, limits);
      return { reading, problems, slowAbove, clocks };
    },
  };
}

/** A line below the limit, where the buckets of those that are compared have none at it: people have to know which it is. */
function stricter({ slowOver }: Inspection, { latency }: Limits, compared?: Compared): Pick<Reading, 'slowOver'> {
  if (!latency || !compared) return {};
  const ends = slowOver.filter(({ version }) => version === compared.blue || version === compared.green);
  const line = Math.min(...ends.map(({ seconds }) => seconds));
  return isBelow(line, latency.underMs / 1_000) ? { slowOver: line } : {};
}

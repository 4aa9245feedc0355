import { type Counts, timedOf } from '../../judge/index.ts';
import type { Sample } from './phase-history.ts';

/** Little charts over time, one character for each stretch of it. Pure. */

const HEIGHTS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * One character for each value, the highest at `top`. Only 0 has the lowest character, so that a small value stays visible;
 * what is not known is a gap.
 */
export function sparkline(values: readonly (number | undefined)[], top: number): string {
  return values
    .map((value) => {
      if (value === undefined) return ' ';
      if (value <= 0 || top <= 0) return HEIGHTS[0];
      return HEIGHTS[Math.min(HEIGHTS.length - 1, Math.max(1, Math.ceil((value / top) * HEIGHTS.length) - 1))];
    })
    .join('');
}

/** Stretches of time of the same length, one after the other. */
export interface Axis {
  readonly from: number;
  readonly stretchMs: number;
  readonly stretches: number;
}

/** From `from` to `now` on at most `width` characters; a stretch is `leastMs` or a doubling of it, so that charts stand still. */
export function axisOf(
  from: number,
  now: number,
  { width, leastMs }: { readonly width: number; readonly leastMs: number },
): Axis {
  let stretchMs = Math.max(1, leastMs);
  while ((now - from) / stretchMs > width) stretchMs *= 2;
  return { from, stretchMs, stretches: Math.max(0, Math.ceil((now - from) / stretchMs)) };
}

/** One stretch of a version: how many requests and of what kind. `rated`: the requests whose time span is known, and that time. */
interface Stretch extends Counts {
  readonly rated: { readonly requests: number; readonly ms: number };
}

/** Samples cut into the stretches of the axis; what lies in two of them is shared out by time. */
export function stretchesOf(samples: readonly Sample[], version: 'blue' | 'green', axis: Axis): Stretch[] {
  const { from, stretchMs, stretches } = axis;
  return Array.from({ length: stretches }, (_, index) => {
    const start = from + index * stretchMs;
    const sum = { requests: 0, failed: 0, slow: 0, timed: 0, rated: { requests: 0, ms: 0 } };
    for (const sample of samples) {
      const overlap = Math.min(sample.to, start + stretchMs) - Math.max(sample.from, start);
      if (overlap <= 0) continue;
      const part = overlap / (sample.to - sample.from);
      sum.requests += part * sample[version].requests;
      sum.failed += part * sample[version].failed;
      sum.slow += part * (sample[version].slow ?? 0);
      sum.timed += part * timedOf(sample[version]);
      if (sample.isLonger) continue;
      sum.rated.requests += part * sample[version].requests;
      sum.rated.ms += overlap;
    }
    return sum;
  });
}

/** Requests a second. */
export function rateIn({ rated }: Stretch): number | undefined {
  return rated.ms > 0 ? (rated.requests * 1_000) / rated.ms : undefined;
}

/** Of how many requests it is known whether they are of this kind. */
export function allOf(kind: 'failed' | 'slow', counts: Pick<Counts, 'requests' | 'timed'>): number {
  return kind === 'slow' ? timedOf(counts) : counts.requests;
}

/** The share of requests of a kind, 0 to 1; there is none without requests. */
export function shareIn(kind: 'failed' | 'slow'): (stretch: Stretch) => number | undefined {
  return (stretch) => {
    const all = allOf(kind, stretch);
    return all > 0 ? stretch[kind] / all : undefined;
  };
}

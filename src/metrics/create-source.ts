import { ApplicationFailure } from '@temporalio/common';
import { FAILURE, type Reading } from '../domain/index.ts';
import type { Limits } from '../judge/index.ts';
import type { Inspection, MetricSource } from '../plugin/index.ts';
import type { MetricsConfig } from '../runbook/index.ts';
import { type Compared, isBelow } from './bucket-ends.ts';
import { untrueCounts } from './preflight.ts';
import { prometheusSource } from './prometheus/source.ts';
import { scrapeSource } from './scrape/source.ts';
import type { SourceOptions } from './source-options.ts';

/**
 * A reading is carried from window to window, in heartbeats and in the history, which have limits. Two versions take a few
 * hundred bytes, and the 2,000 series that are read exactly 200 KB.
 */
const LARGEST_READING = 256 * 1_024;

/** The adapter that the runbook asks for. A reading that is too large to carry is thrown away as if it could not be read. */
export function createMetricSource(config: MetricsConfig, limits: Limits, options: SourceOptions): MetricSource {
  const source = adapter(config, limits, options);
  return {
    read: async (signal, since) => {
      const inspection = await source.inspect(signal, since);
      const [untrue] = untrueCounts(inspection, limits, options.versions);
      if (untrue) throw ApplicationFailure.retryable(`${untrue.found}: ${untrue.unblock}`, FAILURE.MetricsUnavailable);
      return { ...portable(inspection.reading), ...stricter(inspection, limits, options.versions) };
    },
    inspect: async (signal, since) => {
      const inspection = await source.inspect(signal, since);
      portable(inspection.reading);
      return inspection;
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

function portable(reading: Reading): Reading {
  const size = JSON.stringify(reading).length;
  if (size <= LARGEST_READING) return reading;
  const versions = new Set(Object.values(reading.series).map(({ version }) => version)).size;
  throw ApplicationFailure.retryable(
    `the metrics show ${versions} versions in ${Object.keys(reading.series).length} series (${Math.round(size / 1_024)} KB), ` +
      `expected at most ${LARGEST_READING / 1_024} KB: let them show those that run, each with a short name`,
    FAILURE.MetricsUnavailable,
  );
}

function adapter(config: MetricsConfig, limits: Limits, options: SourceOptions): MetricSource {
  switch (config.kind) {
    case 'scrape':
      return scrapeSource(config, limits, options);
    case 'prometheus':
      return prometheusSource(config, limits, options);
    default:
      throw new Error(`unknown metric source: ${String(config satisfies never)}`);
  }
}

/** Two readings so far apart are sure to differ where there is traffic: what somebody else collects comes late. */
export function apartMs({ kind, poll }: MetricsConfig): number {
  return kind === 'prometheus' ? 2 * poll + 5_000 : 0;
}

import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../errors.ts';
import type { Limits } from '../runbook/plan.ts';
import type { MetricsConfig } from '../runbook/schema.ts';
import { fetchPage } from './fetch-page.ts';
import { parsePrometheusText } from './prometheus-text.ts';
import { namesOf, readSeries, slowOver } from './series.ts';
import type { Inspection, MetricSource, SeriesReading } from './source.ts';

export type ScrapeConfig = Extract<MetricsConfig, { kind: 'scrape' }>;

/** Reads the pages of all targets; what they count together is the service's. `notice` is called once per text. */
export function scrapeSource(
  config: ScrapeConfig,
  limits: Limits,
  notice: (text: string) => void = () => {},
): MetricSource {
  const noticed = new Set<string>();
  const noticeOnce = (text: string) => {
    if (!noticed.has(text)) notice(text);
    noticed.add(text);
  };

  const needed = new Set(namesOf(config));
  const isNeeded = (name: string) => needed.has(name);

  async function readTarget(url: string, index: number, signal: AbortSignal) {
    const { text, clockAheadMs } = await fetchPage(url, signal);
    const page = parsePrometheusText(text, isNeeded);
    const series = readSeries(page, config, limits, noticeOnce);
    return {
      series: series.map((reading): [string, SeriesReading] => [`${index}/${reading.version}`, reading]),
      slowOver: slowOver(page, config, limits),
      clock: { place: nameOf(index, config.targets.length), ...(clockAheadMs && { aheadMs: clockAheadMs }) },
    };
  }

  async function inspect(signal: AbortSignal): Promise<Inspection> {
    signal.throwIfAborted();
    // The moment before the first byte: what is counted is then never older than the reading says.
    const at = Date.now();
    const results = await Promise.allSettled(config.targets.map((url, index) => readTarget(url, index, signal)));
    signal.throwIfAborted();
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [problemOf(result.reason, index, config.targets.length)] : [],
    );
    if (problems.length > 0) throw ApplicationFailure.retryable(problems.join('; '), FAILURE.MetricsUnavailable);
    const targets = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    return {
      reading: { at, series: Object.fromEntries(targets.flatMap(({ series }) => series)) },
      metrics: config,
      versions: {},
      slowOver: targets.flatMap((target) => target.slowOver),
      clocks: targets.map(({ clock }) => clock),
    };
  }

  return { read: async (signal) => (await inspect(signal)).reading, inspect };
}

function problemOf(error: unknown, index: number, count: number): string {
  return `${nameOf(index, count)}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Targets have no names but their URLs, which histories must not hold; so they go by their number in the runbook. */
function nameOf(index: number, count: number): string {
  return `metrics target ${index + 1} of ${count}`;
}

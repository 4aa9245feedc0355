import type { Limits } from '../../judge/index.ts';
import { metricsUnavailable, type Reading, type SeriesReading } from '../../plugin/index.ts';
import { parsePrometheusText } from '../../prometheus/index.ts';
import { refuseWithoutEnd, slowEnds } from '../bucket-ends.ts';
import { groupBy } from '../group-by.ts';
import type { AdapterOptions, Inspection } from '../inspection.ts';
import { fetchPage } from './fetch-page.ts';
import type { ScrapeConfig } from './schema.ts';
import { describeVersions, namesOf, type PageSeries, readPage, readSeries } from './series.ts';

/** Reads all pages once. @throws ApplicationFailure `MetricsUnavailable` where one cannot be read. */
export interface ScrapeSource {
  inspect(signal: AbortSignal): Promise<Inspection & { readonly reading: Reading }>;
}

/** Reads the pages of all targets; what they count together is the service's. `notice` is called once per text. */
export function scrapeSource(
  config: ScrapeConfig,
  limits: Limits,
  { notice = () => {}, versions }: Pick<AdapterOptions, 'notice' | 'versions'> = {},
): ScrapeSource {
  const noticed = new Set<string>();
  const noticeOnce = (text: string) => {
    if (!noticed.has(text)) notice(text);
    noticed.add(text);
  };

  const needed = new Set(namesOf(config));
  const isNeeded = (name: string) => needed.has(name);

  async function readTarget(url: string, index: number, signal: AbortSignal) {
    const { text, clockAheadMs } = await fetchPage(url, signal);
    return {
      page: readPage(parsePrometheusText(text, isNeeded), config, limits),
      clock: { place: nameOf(index, config.targets.length), ...(clockAheadMs && { aheadMs: clockAheadMs }) },
    };
  }

  /** Where each version's buckets divide slow from not, over all pages: a version counts alike on each. */
  function endsOf(pages: readonly PageSeries[]): Map<string, number> {
    if (!limits.latency || config.latency === undefined) return new Map();
    const limit = limits.latency.underMs / 1_000;
    const all = groupBy(
      pages.flatMap((page) => page.histograms),
      ({ version }) => version,
    );
    const histograms = new Map(
      [...all].map(([version, own]) => [version, own.map(({ buckets }) => buckets.map(({ end }) => end))]),
    );
    refuseWithoutEnd(config.latency, histograms, { limit, compared: versions });
    return slowEnds(histograms, limit, versions);
  }

  async function inspect(signal: AbortSignal) {
    signal.throwIfAborted();
    // The moment before the first byte: what is counted is then never older than the reading says.
    const at = Date.now();
    const results = await Promise.allSettled(config.targets.map((url, index) => readTarget(url, index, signal)));
    signal.throwIfAborted();
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [problemOf(result.reason, index, config.targets.length)] : [],
    );
    if (problems.length > 0) throw metricsUnavailable(problems.join('; '));
    const targets = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    try {
      const pages = targets.map(({ page }) => page);
      const ends = endsOf(pages);
      const entries = pages.flatMap((page, index) =>
        readSeries(page, { config, limits, ends }, noticeOnce).map((reading): [string, SeriesReading] => [
          `${index}/${reading.version}`,
          reading,
        ]),
      );
      const series = Object.fromEntries(entries);
      return {
        reading: { at, series },
        series,
        metrics: config,
        versions: describeVersions(pages, config),
        slowAbove: [...ends].map(([version, seconds]) => ({ version, seconds })),
        clocks: targets.map(({ clock }) => clock),
      };
    } catch (error) {
      throw metricsUnavailable(error instanceof Error ? error.message : String(error));
    }
  }

  return { inspect };
}

function problemOf(error: unknown, index: number, count: number): string {
  return `${nameOf(index, count)}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Targets have no names but their URLs, which histories must not hold; so they go by their number in the runbook. */
function nameOf(index: number, count: number): string {
  return `metrics target ${index + 1} of ${count}`;
}

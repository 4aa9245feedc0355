import type { Limits } from '../../judge/index.ts';
import { metricsUnavailable, type Reading, type SeriesReading } from '../../plugin/index.ts';
import { parsePrometheusText } from '../../prometheus/index.ts';
import { messageOf } from '../../util/index.ts';
import { refuseWithoutEnd, slowEnds } from '../bucket-ends.ts';
import { type Counters, countersFor, latencyOf } from '../counters.ts';
import { groupBy } from '../group-by.ts';
import type { AdapterOptions, Inspection } from '../inspection.ts';
import { fetchPage } from './fetch-page.ts';
import type { ScrapeConfig } from './schema.ts';
import { describeVersions, namesOf, type PageSeries, readPage, readSeries, type Wanted } from './series.ts';

/** Reads all pages once. @throws ApplicationFailure `MetricsUnavailable` where one cannot be read. */
export interface ScrapeSource {
  inspect(signal: AbortSignal): Promise<Inspection & { readonly reading: Reading }>;
}

interface Target {
  readonly url: string;
  readonly wanted: Wanted;
}

/** Reads the pages of all targets; what they count together is the service's. `notice` is called once per text. */
export function scrapeSource(
  config: ScrapeConfig,
  limits: Limits,
  { notice = () => {}, versions, slots }: Omit<AdapterOptions, 'env'> = {},
): ScrapeSource {
  const noticed = new Set<string>();
  const noticeOnce = (text: string) => {
    if (!noticed.has(text)) notice(text);
    noticed.add(text);
  };
  const targets = targetsOf(config);
  const countersNow = countersFor(config, versions, slots);
  let first: Inspection['first'] | undefined;

  async function readTarget({ url, wanted }: Target, place: string, counters: Counters, signal: AbortSignal) {
    const { text, clockAheadMs } = await fetchPage(url, signal);
    const needed = new Set(namesOf(counters, wanted));
    return {
      page: readPage(
        parsePrometheusText(text, (name) => needed.has(name)),
        counters,
        { wanted, limits },
      ),
      clock: { place, ...(clockAheadMs && { aheadMs: clockAheadMs }) },
    };
  }

  /** Where each version's buckets divide slow from not, over all pages: a version counts alike on each. */
  function endsOf(pages: readonly PageSeries[], { latency }: Counters): Map<string, number> {
    if (!limits.latency || !latency) return new Map();
    const limit = limits.latency.underMs / 1_000;
    const all = groupBy(
      pages.flatMap((page) => page.histograms),
      ({ version }) => version,
    );
    const histograms = new Map(
      [...all].map(([version, own]) => [version, own.map(({ buckets }) => buckets.map(({ end }) => end))]),
    );
    refuseWithoutEnd(latency.metric, histograms, { limit, compared: versions });
    return slowEnds(histograms, limit, versions);
  }

  async function inspect(signal: AbortSignal) {
    signal.throwIfAborted();
    const counters = await countersNow(signal);
    // The moment before the first byte: what is counted is then never older than the reading says.
    const at = Date.now();
    // Targets have no names but their URLs, which histories must not hold; so they go by their number in the runbook.
    const placeOf = (index: number) => `metrics target ${index + 1} of ${targets.length}`;
    const results = await Promise.allSettled(
      targets.map((target, index) => readTarget(target, placeOf(index), counters, signal)),
    );
    signal.throwIfAborted();
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [`${placeOf(index)}: ${messageOf(result.reason)}`] : [],
    );
    if (problems.length > 0) throw metricsUnavailable(problems.join('; '));
    const read = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    try {
      const pages = read.map(({ page }) => page);
      if (counters.failed.by !== 'label' && !pages.some(({ hasSecond }) => hasSecond))
        throw new Error(
          `metric ${counters.failed.metric} is on none of the pages, and is to say what failed: let it begin at 0, or see metrics.failed`,
        );
      const ends = endsOf(pages, counters);
      const entries = pages.flatMap((page, index) =>
        readSeries(page, { counters, limits, ends }, noticeOnce).map((reading): [string, SeriesReading] => [
          `${index}/${reading.version}`,
          reading,
        ]),
      );
      const series = Object.fromEntries(entries);
      return {
        reading: { at, series },
        series,
        first: (first ??= series),
        counters,
        versions: describeVersions(pages, counters),
        slowAbove: [...ends].map(([version, seconds]) => ({ version, seconds })),
        clocks: read.map(({ clock }) => clock),
      };
    } catch (error) {
      throw metricsUnavailable(messageOf(error));
    }
  }

  return { inspect };
}

/** The histogram may be on pages of its own. */
function targetsOf(config: ScrapeConfig): Target[] {
  const elsewhere = latencyOf(config)?.targets ?? config.targets;
  const all = [...new Set([...config.targets, ...elsewhere])];
  return all.map((url) => ({
    url,
    wanted: { requests: config.targets.includes(url), latency: elsewhere.includes(url) },
  }));
}

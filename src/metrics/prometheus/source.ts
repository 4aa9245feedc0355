import type { MetricCursor } from '../../domain/index.ts';
import type { Limits } from '../../judge/index.ts';
import { type MetricInterval, type MetricReading, metricsUnavailable, type Range } from '../../plugin/index.ts';
import { type Answer, connect, instantQuery, type RawSeries, rawSeries, type Server } from '../../prometheus/index.ts';
import { messageOf } from '../../util/index.ts';
import { isBelow } from '../bucket-ends.ts';
import { type Counters, countersFor } from '../counters.ts';
import type { AdapterOptions, Inspection, VersionSeries } from '../inspection.ts';
import { type BucketEnds, chooseEnds, NO_ENDS, refuseUnusable } from './buckets.ts';
import { countSince, countsRequests, type PrometheusCursor, totalsOf } from './count.ts';
import { type Tracks, toTracks } from './counter-samples.ts';
import { readSums } from './increase.ts';
import { bucketsOf, byOf, range, selectorsOf, seriesOf } from './queries.ts';
import type { PrometheusConfig } from './schema.ts';
import { readVersions, type VersionsOf } from './versions.ts';

/** Above it the answers, and the marks in the history, get too large. */
const MOST_SERIES = 2_000;
/** At least so far back before the last reading: what a slow target had not delivered by then, and clocks that differ. */
const OVERLAP_MS = 90_000;
/** How far back the first reading looks, as an instant query of Prometheus would: a target may be away for a moment. */
const FIRST_MS = 5 * 60_000;
/** A long gap is asked for in pieces. */
const PIECE_MS = 10 * 60_000;
/** What was missed longer ago is bridged by the marks: only a restart that a counter outgrew stays unseen. */
const LONGEST_MISSED_MS = 2 * 3_600_000;
/** Buckets of a version that has just ended are known, too. */
const ENDED_MS = 10 * 60_000;
/** `increase` needs two samples, and extrapolates from what it has: over fewer than four scrapes mostly that. */
const SCRAPES = 4;
/** No server is left alone for longer, whatever it wants: a soak would go blind. */
const LONGEST_REST_MS = 60_000;

export interface PrometheusSource {
  /**
   * Counts what is new since a cursor; without one it counts nothing, and says where to begin.
   * @throws ApplicationFailure `MetricsUnavailable` where it cannot be read.
   */
  inspect(since: MetricCursor | null, signal: AbortSignal): Promise<Inspection & { readonly reading: MetricReading }>;
}
/** What a reading is made with. */
interface Means {
  readonly server: Server;
  readonly counters: Counters;
  readonly versionsOf: VersionsOf;
}
type Inspected = Awaited<ReturnType<PrometheusSource['inspect']>>;

/**
 * Reads a Prometheus, or what speaks its HTTP API: the raw samples of every counter that is needed, added up here.
 * Nothing is extrapolated, the first errors of a new version count, restarts are seen, and a missed poll loses nothing.
 */
export function prometheusSource(
  config: PrometheusConfig,
  limits: Limits,
  {
    notice = () => {},
    env,
    mostSeries = MOST_SERIES,
    versions: compared,
    slots,
  }: AdapterOptions & { readonly mostSeries?: number },
): PrometheusSource {
  const countersNow = countersFor(config, compared, slots);
  let ends: BucketEnds | undefined;
  let clockAheadMs: Range | undefined;
  let approximate = false;
  let first: Inspection['first'] | undefined;
  let hasSecond = false;
  let restUntil = 0;
  const noticed = new Set<string>();
  const noticeOnce = (text: string) => {
    if (!noticed.has(text)) notice(text);
    noticed.add(text);
  };
  const heard = (answer: Answer) => {
    clockAheadMs = answer.clockAheadMs;
    restUntil = answer.retryAfterMs ? Date.now() + Math.min(answer.retryAfterMs, LONGEST_REST_MS) : 0;
  };

  async function evaluate(server: Server, promql: string, signal: AbortSignal) {
    return (await instantQuery(server, { promql, heard }, signal)).result;
  }

  async function askEnds({ server, counters, versionsOf }: Means, signal: AbortSignal): Promise<BucketEnds> {
    const { latency } = counters;
    if (!latency || !limits.latency) return NO_ENDS;
    const limit = limits.latency.underMs / 1_000;
    const found = chooseEnds(
      await evaluate(server, bucketsOf(latency, ENDED_MS), signal),
      { versionOf: versionsOf.latency, latency, limit, compared },
      ends,
    );
    for (const end of found.byVersion.values())
      if (isBelow(end, limit))
        noticeOnce(
          `${latency.metric} has no bucket that ends at ${limit} s: slow means over ${end} s instead. ` +
            `Add a bucket at ${limit} s, or set limits.latency.under to a bucket's end.`,
        );
    return found;
  }

  async function tracksOf(means: Means, asked: { range: string; at?: number }, signal: AbortSignal): Promise<Tracks> {
    const { server, counters, versionsOf } = means;
    for (let again = false; ; again = true) {
      if (again || !ends) ends = await askEnds(means, signal); // a new version has its own
      const result: RawSeries[] = [];
      for (const selector of selectorsOf(counters, limits, ends.texts))
        result.push(...(await samplesOf(server, selector, asked, signal)));
      if (result.length > mostSeries) goApproximate();
      const tracks = toTracks(result, counters, { limits, ends, compared, versionsOf });
      if (!tracks.incomplete || again) return tracks;
    }
  }

  async function samplesOf(
    server: Server,
    selector: string,
    asked: { range: string; at?: number },
    signal: AbortSignal,
  ): Promise<readonly RawSeries[]> {
    const { at } = asked;
    const promql = `${selector}${asked.range}`;
    return (await rawSeries(server, { promql, heard, ...(at !== undefined && { at }) }, signal)).result;
  }

  function goApproximate() {
    approximate = true;
    noticeOnce(
      `${config.requests} and its histogram have more than ${mostSeries} series: they are counted approximately, by ` +
        'increase(), and later. Sum labels away that are not needed, or narrow metrics.selector.',
    );
  }

  async function readApproximately(
    means: Means,
    since: PrometheusCursor | null,
    signal: AbortSignal,
  ): Promise<Inspected> {
    const { server, counters, versionsOf } = means;
    const { latency, requests } = counters;
    const known = (ends = await askEnds(means, signal)); // green has its own, and is new
    if (latency && limits.latency) refuseUnusable(known, { latency, limit: limits.latency.underMs / 1_000, compared });
    const times = await evaluate(
      server,
      `max by (${byOf(requests).join(', ')}) (timestamp(${seriesOf(requests, requests.metric)}))`,
      signal,
    );
    const own = times.filter(({ labels }) => versionsOf.requests(labels) !== undefined);
    if (own.length === 0) throw new Error(await whyNothing(means, signal));
    const at = Math.floor(Math.max(...own.map(({ samples }) => samples[0]?.value ?? 0)) * 1_000);
    const sums = async (windowMs?: number) => {
      const ask = async (promql: string) => (await instantQuery(server, { promql, at, heard }, signal)).result;
      const [sum = []] = (await readSums(ask, { counters, limits, ends: known, versionsOf }, windowMs)).values();
      return [...sum];
    };
    const isNew = !since || at - since.at >= SCRAPES * config.poll;
    const intervals: MetricInterval[] = [];
    if (since && isNew)
      intervals.push({ from: since.at, to: at, counts: Object.fromEntries(await sums(at - since.at)) });
    const cursor: PrometheusCursor = { at: since && !isNew ? since.at : at, versions: {}, approximate: true };
    const series = Object.fromEntries((await sums()).map(([version, counts]) => [version, { version, ...counts }]));
    return {
      reading: { cursor, intervals, approximate: true },
      series,
      first: (first ??= series),
      counters,
      versions: await describeRoughly(means, known, signal),
      slowAbove: [...known.byVersion].map(([version, seconds]) => ({ version, seconds })),
      clocks: clocks(),
    };
  }

  /** Without the samples: by what the newest of each counter are. */
  async function describeRoughly(
    { server, counters: { requests, failed }, versionsOf }: Means,
    { available }: BucketEnds,
    signal: AbortSignal,
  ) {
    const code = failed.by === 'label' ? failed.label : undefined;
    const by = [...byOf(requests), ...(code === undefined ? [] : [code])];
    const counted = await evaluate(
      server,
      `count by (${by.join(', ')}) (${seriesOf(requests, requests.metric)} > 0)`,
      signal,
    );
    const versions: Record<string, VersionSeries> = {};
    for (const { labels, samples } of counted) {
      const version = versionsOf.requests(labels);
      if (version === undefined) continue;
      const statuses = new Set([
        ...(versions[version]?.statuses ?? []),
        ...(code === undefined ? [] : [labels[code] ?? '']),
      ]);
      versions[version] = {
        size: (versions[version]?.size ?? 0) + (samples[0]?.value ?? 0),
        statuses: [...statuses],
        mixed: [],
        doubled: [],
        ends: available.get(version) ?? [],
        hasNative: !available.has(version),
      };
    }
    return versions;
  }

  async function readExactly(means: Means, since: PrometheusCursor | null, signal: AbortSignal): Promise<Inspected> {
    const { counters } = means;
    const now = Date.now() + (clockAheadMs ? (clockAheadMs.least + clockAheadMs.most) / 2 : 0);
    const overlap = Math.max(OVERLAP_MS, 4 * config.poll);
    const intervals: MetricInterval[] = [];
    let cursor = since;
    const count = (piece: Tracks) => {
      const counted = countSince(cursor, piece, config.poll);
      intervals.push(...counted.intervals);
      cursor = counted.cursor;
      return counted.cursor;
    };
    let from = since ? Math.max(since.at, now - LONGEST_MISSED_MS) : now - Math.max(FIRST_MS, overlap) + overlap;
    for (; now - from > PIECE_MS; from += PIECE_MS)
      count(await tracksOf(means, { range: range(PIECE_MS + overlap), at: from + PIECE_MS }, signal));
    const newest = await tracksOf(means, { range: range(now - from + overlap) }, signal);
    const { tracks, slowAbove, versions } = newest;
    if (!tracks.some((track) => countsRequests(track) && track.points.length > 0))
      throw new Error(await whyNothing(means, signal));
    if (limits.latency && !tracks.some(({ counts }) => counts === 'slow'))
      throw new Error(
        `Prometheus has no histogram ${counters.latency?.metric} of this service, neither classic nor native: there are no buckets. A summary has none; take limits.latency out, or name a histogram in metrics.latency`,
      );
    const reading = { cursor: count(newest), intervals };
    const series = totalsOf(tracks);
    return { reading, series, first: (first ??= series), counters, versions, slowAbove, clocks: clocks() };
  }

  function clocks(): Inspection['clocks'] {
    return [{ place: 'Prometheus', ...(clockAheadMs && { aheadMs: clockAheadMs }) }];
  }

  /** No sample of the service: is it the service, or the whole Prometheus? */
  async function whyNothing({ server, counters: { requests } }: Means, signal: AbortSignal): Promise<string> {
    const metric = seriesOf(requests, requests.metric);
    const [targets] = await evaluate(server, 'count(up)', signal);
    if (!targets)
      return 'Prometheus has no fresh sample of anything, not even of "up": it scrapes nothing, or has just started';
    const [any] = await evaluate(server, `count(${seriesOf({ selector: [] }, config.requests)})`, signal);
    return any
      ? `Prometheus has no fresh sample of ${metric}, though of ${config.requests}: is metrics.selector right, and are the targets up?`
      : `Prometheus has no fresh sample of ${config.requests} at all: is its name right, and are the targets up?`;
  }

  /** A counter may begin with its first count, but a name that is wrong would never show a failure. */
  async function refuseWithoutSecond({ server }: Means, metric: string, signal: AbortSignal): Promise<void> {
    if (hasSecond) return;
    const [any] = await evaluate(server, `count(last_over_time(${metric}${range(ENDED_MS)}))`, signal);
    if (!any)
      throw new Error(
        `Prometheus has no sample of ${metric}, which is to say what failed: let it begin at 0, or see metrics.failed`,
      );
    hasSecond = true;
  }

  async function inspectOnce(since: PrometheusCursor | null, signal: AbortSignal): Promise<Inspected> {
    if (Date.now() < restUntil)
      throw new Error(
        `Prometheus: it asked for ${Math.ceil((restUntil - Date.now()) / 1_000)} s more without questions`,
      );
    const server = await connect('Prometheus', config, env); // each time: a token in a file may be replaced
    const counters = await countersNow(signal);
    const lately = { range: range(FIRST_MS) };
    const versionsOf = await readVersions(counters, (selector) => samplesOf(server, selector, lately, signal));
    const means = { server, counters, versionsOf };
    if (counters.failed.by !== 'label') await refuseWithoutSecond(means, counters.failed.metric, signal);
    if (since?.approximate) approximate = true;
    if (!since && !approximate) {
      ends ??= await askEnds(means, signal);
      let series = 0;
      for (const selector of selectorsOf(counters, limits, ends.texts)) {
        const [count] = await evaluate(server, `count(${selector})`, signal);
        series += count?.samples[0]?.value ?? 0;
      }
      if (series > mostSeries) goApproximate();
    }
    return approximate ? readApproximately(means, since, signal) : readExactly(means, since, signal);
  }

  return {
    async inspect(since, signal) {
      try {
        // A cursor of another kind of metrics says nothing here: counting begins anew.
        return await inspectOnce(since && 'versions' in since ? (since as PrometheusCursor) : null, signal);
      } catch (error) {
        signal.throwIfAborted();
        const message = messageOf(error);
        throw metricsUnavailable(message.startsWith('Prometheus') ? message : `Prometheus: ${message}`);
      }
    },
  };
}

import type { MetricCursor } from '../../domain/index.ts';
import type { Limits } from '../../judge/index.ts';
import { type MetricInterval, type MetricReading, metricsUnavailable, type Range } from '../../plugin/index.ts';
import {
  type Answer,
  instantQuery,
  rawSeries,
  readBasic,
  readHeader,
  readToken,
  type Server,
  withTrust,
} from '../../prometheus/index.ts';
import { isBelow } from '../bucket-ends.ts';
import type { AdapterOptions, Inspection, VersionSeries } from '../inspection.ts';
import { type BucketEnds, chooseEnds, NO_ENDS, refuseUnusable } from './buckets.ts';
import { countSince, countsRequests, type PrometheusCursor, totalsOf } from './count.ts';
import { type Tracks, toTracks } from './counter-samples.ts';
import { readSums } from './increase.ts';
import { bucketsOf, range, selectorOf, seriesOf } from './queries.ts';
import type { PrometheusConfig } from './schema.ts';

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
  }: AdapterOptions & { readonly mostSeries?: number },
): PrometheusSource {
  let connected: Server | undefined;
  let ends: BucketEnds | undefined;
  let clockAheadMs: Range | undefined;
  let approximate = false;
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

  async function askEnds(server: Server, signal: AbortSignal): Promise<BucketEnds> {
    const { latency } = config;
    if (latency === undefined || !limits.latency) return NO_ENDS;
    const limit = limits.latency.underMs / 1_000;
    const found = chooseEnds(
      await evaluate(server, bucketsOf({ ...config, latency }, ENDED_MS), signal),
      { versionLabel: config.versionLabel, latency, limit, compared },
      ends,
    );
    for (const end of found.byVersion.values())
      if (isBelow(end, limit))
        noticeOnce(
          `${latency} has no bucket that ends at ${limit} s: slow means over ${end} s instead. ` +
            `Add a bucket at ${limit} s, or set limits.latency.under to a bucket's end.`,
        );
    return found;
  }

  async function tracksOf(server: Server, asked: { range: string; at?: number }, signal: AbortSignal): Promise<Tracks> {
    for (let again = false; ; again = true) {
      if (again || !ends) ends = await askEnds(server, signal); // a new version has its own
      const promql = `${selectorOf(config, limits, ends.texts)}${asked.range}`;
      const { at } = asked;
      const { result } = await rawSeries(server, { promql, heard, ...(at !== undefined && { at }) }, signal);
      if (result.length > mostSeries) goApproximate();
      const tracks = toTracks(result, config, { limits, ends, compared });
      if (!tracks.incomplete || again) return tracks;
    }
  }

  function goApproximate() {
    approximate = true;
    noticeOnce(
      `${config.requests} and its histogram have more than ${mostSeries} series: they are counted approximately, by ` +
        'increase(), and later. Sum labels away that are not needed, or narrow metrics.selector.',
    );
  }

  async function readApproximately(
    server: Server,
    since: PrometheusCursor | null,
    signal: AbortSignal,
  ): Promise<Inspected> {
    const known = (ends = await askEnds(server, signal)); // green has its own, and is new
    const { latency } = config;
    if (latency !== undefined && limits.latency)
      refuseUnusable(known, { latency, limit: limits.latency.underMs / 1_000, compared });
    const hasVersion = { label: config.versionLabel, operator: '!=' as const, value: '' };
    const [newest] = await evaluate(
      server,
      `max(timestamp(${seriesOf(config, config.requests, [hasVersion])}))`,
      signal,
    );
    const sampledAt = newest?.samples[0]?.value;
    if (sampledAt === undefined) throw new Error(await whyNothing(server, signal));
    const at = Math.floor(sampledAt * 1_000);
    const sums = async (windowMs?: number) => {
      const ask = async (promql: string) => (await instantQuery(server, { promql, at, heard }, signal)).result;
      const [sum = []] = (await readSums(ask, { config, limits, ends: known }, windowMs)).values();
      return [...sum];
    };
    const isNew = !since || at - since.at >= SCRAPES * config.poll;
    const intervals: MetricInterval[] = [];
    if (since && isNew)
      intervals.push({ from: since.at, to: at, counts: Object.fromEntries(await sums(at - since.at)) });
    const cursor: PrometheusCursor = { at: since && !isNew ? since.at : at, versions: {}, approximate: true };
    return {
      reading: { cursor, intervals, approximate: true },
      series: Object.fromEntries((await sums()).map(([version, counts]) => [version, { version, ...counts }])),
      metrics: config,
      versions: await describeRoughly(server, known, signal),
      slowAbove: [...known.byVersion].map(([version, seconds]) => ({ version, seconds })),
      clocks: clocks(),
    };
  }

  /** Without the samples: by what the newest of each counter are. */
  async function describeRoughly(server: Server, { available }: BucketEnds, signal: AbortSignal) {
    const { versionLabel, codeLabel, requests } = config;
    const counted = await evaluate(
      server,
      `count by (${versionLabel}, ${codeLabel}) (${seriesOf(config, requests)} > 0)`,
      signal,
    );
    const versions: Record<string, VersionSeries> = {};
    for (const { labels } of counted) {
      const version = labels[versionLabel];
      if (version === undefined || version === '') continue;
      versions[version] = {
        statuses: [...(versions[version]?.statuses ?? []), labels[codeLabel] ?? ''],
        mixed: [],
        doubled: [],
        ends: available.get(version) ?? [],
        hasNative: !available.has(version),
      };
    }
    return versions;
  }

  async function readExactly(server: Server, since: PrometheusCursor | null, signal: AbortSignal): Promise<Inspected> {
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
      count(await tracksOf(server, { range: range(PIECE_MS + overlap), at: from + PIECE_MS }, signal));
    const newest = await tracksOf(server, { range: range(now - from + overlap) }, signal);
    const { tracks, slowAbove, versions } = newest;
    if (!tracks.some((track) => countsRequests(track) && track.points.length > 0))
      throw new Error(await whyNothing(server, signal));
    if (limits.latency && !tracks.some(({ counts }) => counts === 'slow'))
      throw new Error(
        `Prometheus has no histogram ${config.latency} of this service, neither classic nor native: there are no buckets. A summary has none; take limits.latency out, or name a histogram in metrics.latency`,
      );
    const reading = { cursor: count(newest), intervals };
    return { reading, series: totalsOf(tracks), metrics: config, versions, slowAbove, clocks: clocks() };
  }

  function clocks(): Inspection['clocks'] {
    return [{ place: 'Prometheus', ...(clockAheadMs && { aheadMs: clockAheadMs }) }];
  }

  /** No sample of the service: is it the service, or the whole Prometheus? */
  async function whyNothing(server: Server, signal: AbortSignal): Promise<string> {
    const metric = seriesOf(config, config.requests);
    const [targets] = await evaluate(server, 'count(up)', signal);
    if (!targets)
      return 'Prometheus has no fresh sample of anything, not even of "up": it scrapes nothing, or has just started';
    const [any] = await evaluate(server, `count(${seriesOf({ selector: [] }, config.requests)})`, signal);
    return any
      ? `Prometheus has no fresh sample of ${metric}, though of ${config.requests}: is metrics.selector right, and are the targets up?`
      : `Prometheus has no fresh sample of ${config.requests} at all: is its name right, and are the targets up?`;
  }

  async function inspectOnce(since: PrometheusCursor | null, signal: AbortSignal): Promise<Inspected> {
    if (Date.now() < restUntil)
      throw new Error(
        `Prometheus: it asked for ${Math.ceil((restUntil - Date.now()) / 1_000)} s more without questions`,
      );
    const server = (connected ??= await connect(config, env));
    if (since?.approximate) approximate = true;
    if (!since && !approximate) {
      ends ??= await askEnds(server, signal);
      const [count] = await evaluate(server, `count(${selectorOf(config, limits, ends.texts)})`, signal);
      if ((count?.samples[0]?.value ?? 0) > mostSeries) goApproximate();
    }
    return approximate ? readApproximately(server, since, signal) : readExactly(server, since, signal);
  }

  return {
    async inspect(since, signal) {
      try {
        // A cursor of another kind of metrics says nothing here: counting begins anew.
        return await inspectOnce(since && 'versions' in since ? (since as PrometheusCursor) : null, signal);
      } catch (error) {
        signal.throwIfAborted();
        const message = error instanceof Error ? error.message : String(error);
        throw metricsUnavailable(message.startsWith('Prometheus') ? message : `Prometheus: ${message}`);
      }
    },
  };
}

/** The server of the runbook. @throws Error that names the variable or the file that is missing. */
export async function connect(config: PrometheusConfig, env: NodeJS.ProcessEnv): Promise<Server> {
  const { auth, headers, caFile, url, timeout } = config;
  return {
    name: 'Prometheus',
    url,
    timeoutMs: timeout,
    ...(auth && 'tokenEnv' in auth && { token: readToken(env, auth.tokenEnv) }),
    ...(auth && 'basicEnv' in auth && { basic: readBasic(env, auth.basicEnv) }),
    headers: Object.entries(headers).map(([name, value]) =>
      typeof value === 'string' ? { name, value } : readHeader(env, name, value.env),
    ),
    ...(caFile !== undefined && { dispatcher: await withTrust(caFile) }),
  };
}

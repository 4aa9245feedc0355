import {
  countedByInterval,
  duration,
  envName,
  httpUrl,
  metricsKind,
  metricsUnavailable,
  sumOfBuckets,
  z,
} from 'bluegreen/plugin';
import { createDatadog } from './datadog.js';
import { queriesOf } from './queries.js';
import { createTags } from './tags.js';

/** An answer with more points than Datadog allows would come in longer buckets. */
const MOST_BUCKETS = 300;

const metricName = z
  .string()
  .regex(/^[A-Za-z][\w.]*$/, 'expected the name of a metric such as trace.http.request.hits');
const filter = z
  .string()
  .regex(/^[^{}"'`\\]+$/, 'expected tags such as env:production,service:shop, without braces and quotes');

const schema = (base) =>
  base
    .extend({
      site: z
        .string()
        .regex(/^[a-z0-9.-]+$/, 'expected a Datadog site such as datadoghq.eu')
        .default('datadoghq.com')
        .describe('The Datadog site.'),
      url: httpUrl().optional().describe('The address of a proxy in front of the API, instead of `site`.'),
      apiKeyEnv: envName.default('DD_API_KEY').describe('The variable with the API key.'),
      appKeyEnv: envName.default('DD_APP_KEY').describe('The variable with the application key.'),
      filter: filter.describe('Tags that select this service, such as `env:production,service:shop`. No version.'),
      requests: metricName.describe('A count of requests, such as `trace.http.request.hits`.'),
      failed: z
        .union([metricName, z.strictObject({ filter, metric: metricName.optional() })], {
          error: 'expected a metric, or { filter } with tags such as http.status_class:5xx',
        })
        .describe(
          'A count of failed requests, such as `trace.http.request.errors`, or `{ filter: "http.status_class:5xx" }`: the ' +
            'requests with these tags.',
        ),
      latency: metricName
        .optional()
        .describe('A distribution of durations with percentiles switched on, such as `trace.http.request`.'),
      latencyUnit: z.enum(['seconds', 'milliseconds']).default('seconds').describe('The unit of `latency`.'),
      versionTag: z
        .string()
        .regex(/^[a-z][\w./-]*$/, 'expected the name of a tag')
        .default('version')
        .describe('The tag that holds the version.'),
      bucket: duration
        .prefault('10s')
        .refine((ms) => ms % 1_000 === 0, 'expected whole seconds')
        .describe('The length of the buckets: how often the agents send.'),
      delay: duration.prefault('60s').describe('How long data take to arrive: a bucket counts when it is so old.'),
      poll: duration.prefault('30s').describe('How often to ask.'),
      timeout: duration.prefault('10s').describe('The timeout of one request.'),
    })
    .refine(({ bucket, poll }) => bucket <= poll, { path: ['bucket'], message: 'expected at most the poll' })
    .refine(({ delay, poll }) => delay <= 2 * poll, {
      path: ['delay'],
      message: 'expected at most twice the poll: the judge takes older counts for stale',
    });

/** Counts of Datadog, by the tag with the version. */
export const datadogMetrics = metricsKind({
  kind: 'datadog',
  summary: 'Counts from the timeseries API of Datadog.',
  schema,
  secretKeys: ['url'],
  latencyProblem: ({ latency }) =>
    latency === undefined
      ? { key: 'latency', message: 'expected a distribution of durations: limits.latency is set' }
      : undefined,
  create(config, { limits, env, compared }) {
    const datadog = createDatadog(config, env);
    const tags = createTags(compared);
    const queries = queriesOf(config, limits);

    /** One question. @returns {Promise<import('bluegreen/plugin').Bucket[]>} */
    async function ask({ from, to }, signal) {
      const { series = [], times = [], values = [] } = await datadog.query({ from, to, queries }, signal);
      if (times.some((time) => time < from || time % config.bucket !== 0))
        throw metricsUnavailable(
          `Datadog answered in other buckets than of ${config.bucket / 1_000} s: set metrics.bucket`,
        );
      return series.flatMap(({ groupTags = [], queryIndex }, row) => {
        const version = tags.version(groupTags, config.versionTag);
        const query = queries[queryIndex];
        if (!query) throw metricsUnavailable('Datadog answered with a series of a query that was not asked');
        const { counts, scale = 1 } = query;
        return times.flatMap((time, column) => {
          const value = values[row]?.[column];
          if (typeof value !== 'number' || time >= to) return [];
          return [{ version, from: time, counts: { [counts]: value * scale } }];
        });
      });
    }

    async function count({ from, to }, signal) {
      tags.refuseAlike();
      const buckets = [];
      for (let at = from; at < to; at += MOST_BUCKETS * config.bucket)
        buckets.push(...(await ask({ from: at, to: Math.min(to, at + MOST_BUCKETS * config.bucket) }, signal)));
      return sumOfBuckets(buckets, { from, stepMs: config.bucket });
    }

    function unknownBlue(blue, known) {
      const seen = known.length === 0 ? 'no version' : known.slice(0, 5).join(', ');
      return {
        found: `Datadog has ${seen} for ${config.requests} in the last hour, expected ${blue}`,
        unblock: `check metrics.filter and the tag ${config.versionTag}, and see that ${blue} gets requests`,
      };
    }

    return countedByInterval(
      { count, unknownBlue },
      {
        stepMs: config.bucket,
        delayMs: config.delay,
        pollMs: config.poll,
        measuresLatency: config.latency !== undefined,
        ...(compared && { compared }),
      },
    );
  },
});

import { countedByInterval, duration, envName, httpUrl, metricsKind, sumOfBuckets, z } from 'bluegreen/plugin';
import { createCloudWatch } from './cloudwatch.js';
import { metricsOf } from './load-balancer.js';
import { groupsByVersion } from './target-groups.js';

const schema = (base) =>
  base
    .extend({
      region: z
        .string()
        .regex(/^[a-z0-9-]+$/, 'expected a region such as eu-central-1')
        .describe('The region.'),
      endpoint: httpUrl().optional().describe('The address of a VPC endpoint, instead of the public one.'),
      credentials: z
        .strictObject({
          accessKeyIdEnv: envName.describe('The variable with the id of the access key.'),
          secretAccessKeyEnv: envName.describe('The variable with the secret access key.'),
          sessionTokenEnv: envName.optional().describe('The variable with the session token.'),
        })
        .optional()
        .describe("Default: what the AWS SDK finds, such as the role of the worker's task, pod or instance."),
      loadBalancer: z
        .string()
        .regex(/^app\/[\w-]+\/[0-9a-f]+$/, 'expected the end of its ARN, such as app/shop/50dc6c495c0c9188')
        .describe('The Application Load Balancer: the end of its ARN, from `app/` on.'),
      targetGroups: z
        .record(
          z.string().min(1),
          z
            .string()
            .regex(
              /^targetgroup\/[\w-]+\/[0-9a-f]+$/,
              'expected the end of its ARN, such as targetgroup/shop-blue/73e2d6bc24d8a067',
            ),
        )
        .refine((groups) => Object.keys(groups).length > 0, 'expected a target group for each slot')
        .describe('The target group of each slot: the end of its ARN, from `targetgroup/` on.'),
      failed: z
        .enum(['unanswered', '5xx'])
        .default('unanswered')
        .describe(
          '`unanswered`: all requests but those that a target answered with a status from 200 to 499. `5xx`: the answers ' +
            'with a status from 500 on, and refused connections.',
        ),
      period: duration
        .prefault('60s')
        .refine(
          (ms) => [1_000, 5_000, 10_000, 20_000, 30_000].includes(ms) || ms % 60_000 === 0,
          'expected 60s: a load balancer counts by the minute',
        )
        .describe('The length of the buckets.'),
      delay: duration.prefault('120s').describe('How long data take to arrive: a bucket counts when it is so old.'),
      poll: duration.prefault('60s').describe('How often to ask.'),
      timeout: duration.prefault('10s').describe('The timeout of one question, with its repetitions.'),
    })
    .refine(({ period, poll }) => period <= poll, { path: ['period'], message: 'expected at most the poll' })
    .refine(({ delay, poll }) => delay <= 2 * poll, {
      path: ['delay'],
      message: 'expected at most twice the poll: the judge takes older counts for stale',
    });

/** Counts of an Application Load Balancer: blue and green are two target groups. */
export const cloudwatchMetrics = metricsKind({
  kind: 'cloudwatch',
  summary: 'Counts of an Application Load Balancer from Amazon CloudWatch, by target group.',
  schema,
  secretKeys: ['endpoint'],
  create(config, { limits, env, compared, slots }) {
    const cloudwatch = createCloudWatch(config, env);
    const metrics = metricsOf(config, limits);

    async function count({ from, to }, signal) {
      signal.throwIfAborted();
      const groups = [...(await groupsByVersion({ slots, compared }, config.targetGroups, signal))];
      const questions = groups.flatMap(([version, targetGroup], group) =>
        metrics.map(({ metric, stat, counts }, index) => ({
          id: `m${group}_${index}`,
          metric,
          stat,
          dimensions: { LoadBalancer: config.loadBalancer, TargetGroup: targetGroup },
          version,
          counts,
        })),
      );
      const points = await cloudwatch.query({ from, to, questions }, signal);
      const buckets = questions.flatMap(({ id, version, counts }) =>
        points
          .get(id)
          .filter(({ at }) => at >= from && at < to)
          .map(({ at, value }) => ({ version, from: at, counts: counts(value) })),
      );
      return sumOfBuckets(buckets, { from, stepMs: config.period });
    }

    function unknownBlue(blue, known) {
      const seen = known.length === 0 ? 'no requests' : `requests of ${known.slice(0, 5).join(', ')}`;
      return {
        found: `CloudWatch has ${seen} in the last hour, expected requests of ${blue}`,
        unblock: `check metrics.region, metrics.loadBalancer and the target group of ${blue} in metrics.targetGroups`,
      };
    }

    return countedByInterval(
      { count, unknownBlue },
      {
        stepMs: config.period,
        delayMs: config.delay,
        pollMs: config.poll,
        measuresLatency: true,
        ...(compared && { compared }),
      },
    );
  },
});

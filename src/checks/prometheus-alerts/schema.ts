import { z } from 'zod';
import { parseSelector } from '../../promql/index.ts';
import { type CheckBase, duration, httpUrl, serverAccess } from '../../runbook/index.ts';

/** One metric as PromQL names it, with or without labels; no function or sum around it. */
const metric = z
  .string({ error: 'expected a metric such as http_requests_total{code=~"5.."}' })
  .refine((text) => parseSelector(text) !== undefined, 'expected a metric such as http_requests_total{code=~"5.."}');

export const schema = (base: CheckBase) =>
  base
    .extend({
      url: httpUrl().describe(
        'The Prometheus that evaluates the alerting rules. With `rules`: where the series are, by the HTTP API of Prometheus.',
      ),
      ...serverAccess,
      rules: z
        .discriminatedUnion('kind', [
          z.strictObject({
            kind: z.literal('ruler').describe('Mimir, Cortex, Thanos Ruler, vmalert: what has `/api/v1/rules`.'),
            url: httpUrl().optional().describe('Its address, without `/api/v1/rules`. Default: `url` of the check.'),
            ...serverAccess,
          }),
          z.strictObject({
            kind: z.literal('grafana').describe('Rules that Grafana manages and evaluates itself.'),
            url: httpUrl().describe('The address of Grafana. `auth` is the token of a service account.'),
            ...serverAccess,
          }),
        ])
        .optional()
        .describe('What evaluates the alerting rules, if it is not the Prometheus at `url`.'),
      labels: z
        .record(z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/), z.string().min(1))
        .refine(
          (labels) => Object.keys(labels).length > 0,
          'expected at least one label: without labels, every alert would match',
        )
        .describe('Labels of the series of this service: `{ service: recommendation }`.'),
      errors: metric.describe(
        'The metric and labels that an alerting rule for errors has to select: `http_requests_total{code=~"5.."}`. ' +
          'A rule over all requests does not count.',
      ),
      latency: metric.describe(
        'The metric that an alerting rule for latency has to select: `http_request_duration_seconds`.',
      ),
      alertmanagers: z
        .strictObject({
          urls: z
            .array(httpUrl())
            .min(1)
            .optional()
            .describe('Their addresses, instead of those that Prometheus uses.'),
          ...serverAccess,
        })
        .prefault({})
        .describe(
          'The Alertmanagers, if the worker needs other addresses than Prometheus, or a login. Required with `rules: { kind: ruler }`.',
        ),
      measureFor: duration
        .prefault('10s')
        .describe(
          "How long to watch Prometheus' counters of failed notifications. Prometheus repeats a firing alert every minute.",
        ),
      prove: z
        .boolean()
        .default(false)
        .describe('Sends a labelled test alert to each Alertmanager, checks that it arrives, and clears it.'),
    })
    .superRefine(({ rules, alertmanagers, prove }, context) => {
      const missing = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', path, message });
      if (rules?.kind === 'ruler' && !alertmanagers.urls)
        missing(
          'missing, expected the addresses of its Alertmanagers: a ruler does not say them',
          'alertmanagers',
          'urls',
        );
      if (rules?.kind === 'grafana' && !alertmanagers.urls && prove)
        missing('expected false: the Alertmanager in Grafana takes no alerts from others', 'prove');
    });

export type Config = z.output<ReturnType<typeof schema>>;

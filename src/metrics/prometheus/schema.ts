import type { z } from 'zod';
import { type MetricsBase, pollInterval, prometheusServer, serverAccess } from '../../runbook/index.ts';
import { SELECTOR, selector } from '../names.ts';
import { type CountersConfig, counterKeys, withPreset } from '../schema.ts';

export const schema = (base: MetricsBase) =>
  base
    .extend({
      url: prometheusServer.url,
      selector: selector
        .optional()
        .describe(
          'Labels that select the series of this service. Do not select a version: all versions are needed. Required with `versionLabel`.',
        ),
      ...counterKeys({}),
      poll: pollInterval
        .prefault('15s')
        .describe(
          'How often to query: use the scrape interval of Prometheus. A shorter interval brings no new data; a longer one finds faults later.',
        ),
      timeout: prometheusServer.timeout,
      ...serverAccess,
    })
    .meta({
      examples: [
        {
          kind: 'prometheus',
          url: 'https://prometheus.example.com',
          selector: { service: 'recommendation' },
          requests: 'http_requests_total',
          latency: 'http_request_duration_seconds',
        },
      ],
    })
    .transform(withPreset)
    .superRefine(({ selector: given, slotLabel, versionSelector }, context) => {
      if (given || slotLabel !== undefined || versionSelector) return;
      const message = `missing, ${SELECTOR}: they select this service's series among all`;
      context.addIssue({ code: 'custom', path: ['selector'], message });
    });

export type PrometheusConfig = Omit<z.output<ReturnType<typeof schema>>, keyof CountersConfig> & CountersConfig;

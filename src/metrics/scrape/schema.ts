import { z } from 'zod';
import { duration, httpUrl, type MetricsBase } from '../../runbook/index.ts';
import { failed } from '../failure.ts';
import { refuseConditions, refusePatterns, selector } from '../schema.ts';
import { versionValue } from '../version-value.ts';

export const schema = (base: MetricsBase) =>
  base
    .extend({
      targets: z
        .array(httpUrl())
        .min(1)
        .refine(
          (urls) => new Set(urls).size === urls.length,
          'found a page twice, expected each once: its requests would be counted twice',
        )
        .describe('The addresses of the pages. Their counts are added up.'),
      selector: selector
        .optional()
        .describe(
          'Labels that select the series of this service, if the pages also show others. Do not select a version.',
        ),
      requests: z
        .string()
        .min(1)
        .describe('A counter of requests, with a label for the version and one for the status code.'),
      latency: z
        .string()
        .min(1)
        .optional()
        .describe(
          'A histogram of durations, with a label for the version. The unit is seconds, or milliseconds if its name ends in `_milliseconds`.',
        ),
      versionLabel: z.string().min(1).default('version').describe('The label that holds the version.'),
      versionValue,
      codeLabel: z
        .string()
        .min(1)
        .default('code')
        .describe('The label that says whether a request failed: usually the HTTP status.'),
      failed,
      poll: duration.prefault('5s').describe('How often the pages are read.'),
    })
    .superRefine(refuseConditions)
    .superRefine(refusePatterns)
    .meta({
      examples: [
        {
          kind: 'scrape',
          targets: ['http://router.example.com:9100/metrics'],
          requests: 'http_requests_total',
          latency: 'http_request_duration_seconds',
        },
      ],
    });

export type ScrapeConfig = z.output<ReturnType<typeof schema>>;

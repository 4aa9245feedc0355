import { z } from 'zod';
import { httpUrl, type MetricsBase, pollInterval } from '../../runbook/index.ts';
import { selector } from '../names.ts';
import { type CountersConfig, counterKeys, refuseSelectorPatterns, withPreset } from '../schema.ts';

const pages = () =>
  z
    .array(httpUrl())
    .min(1)
    .refine(
      (urls) => new Set(urls).size === urls.length,
      'found a page twice, expected each once: its requests would be counted twice',
    );

export const schema = (base: MetricsBase) =>
  base
    .extend({
      targets: pages().describe('The addresses of the pages. Their counts are added up.'),
      selector: selector
        .optional()
        .describe(
          'Labels that select the series of this service, if the pages also show others. Do not select a version.',
        ),
      ...counterKeys({
        targets: pages().optional().describe('Other pages, if the histogram is not on those of the requests.'),
      }),
      poll: pollInterval.prefault('5s').describe('How often the pages are read.'),
    })
    .superRefine(refuseSelectorPatterns)
    .meta({
      examples: [
        {
          kind: 'scrape',
          targets: ['http://router.example.com:9100/metrics'],
          requests: 'http_requests_total',
          latency: 'http_request_duration_seconds',
        },
      ],
    })
    .transform(withPreset);

export type ScrapeConfig = Omit<z.output<ReturnType<typeof schema>>, keyof CountersConfig> & CountersConfig;

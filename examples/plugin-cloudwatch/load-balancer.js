/**
 * The metrics of a target group that are added up, and what a value of each counts. Only sums and counts: averages and
 * percentiles cannot be added up.
 * @param {{ failed: 'unanswered' | '5xx' }} config
 * @param {{ latency?: { underMs: number } }} limits
 * @returns {{ metric: string, stat: string,
 *   counts: (value: number) => { requests?: number, failed?: number, slow?: number, seconds?: number } }[]}
 */
export function metricsOf({ failed }, limits) {
  const duration = [{ metric: 'TargetResponseTime', stat: 'Sum', counts: (seconds) => ({ seconds }) }];
  // A trimmed count: how many values are over the limit.
  if (limits.latency)
    duration.push({
      metric: 'TargetResponseTime',
      stat: `TC(${limits.latency.underMs / 1_000}:)`,
      counts: (slow) => ({ slow }),
    });
  if (failed === '5xx')
    return [
      { metric: 'RequestCount', stat: 'Sum', counts: (requests) => ({ requests }) },
      ...['HTTPCode_Target_5XX_Count', 'TargetConnectionErrorCount'].map((metric) => ({
        metric,
        stat: 'Sum',
        counts: (errors) => ({ failed: errors }),
      })),
      ...duration,
    ];
  return [
    // Each request has failed until a target has answered it.
    { metric: 'RequestCount', stat: 'Sum', counts: (requests) => ({ requests, failed: requests }) },
    ...['2XX', '3XX', '4XX'].map((status) => ({
      metric: `HTTPCode_Target_${status}_Count`,
      stat: 'Sum',
      counts: (answered) => ({ failed: -answered }),
    })),
    ...duration,
  ];
}

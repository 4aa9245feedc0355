/**
 * What is asked: sums by version, never averages. `counts` is the name of what a query counts.
 * @param {{ filter: string, requests: string, failed: string | { filter: string, metric?: string }, latency?: string,
 *   latencyUnit: 'seconds' | 'milliseconds', versionTag: string }} config
 * @param {{ latency?: { underMs: number } }} limits
 * @returns {{ counts: 'requests' | 'failed' | 'slow' | 'seconds', scale?: number, query: string }[]}
 */
export function queriesOf(config, limits) {
  const { requests, failed, latency, latencyUnit, versionTag, filter } = config;
  const counted = (aggregation, metric, more) => {
    const tags = more === undefined ? filter : `${filter},${more}`;
    return `${aggregation}:${metric}{${tags}} by {${versionTag}}.as_count()`;
  };
  const queries = [
    { counts: 'requests', query: counted('sum', requests) },
    {
      counts: 'failed',
      query:
        typeof failed === 'string' ? counted('sum', failed) : counted('sum', failed.metric ?? requests, failed.filter),
    },
  ];
  if (latency === undefined) return queries;
  const perSecond = latencyUnit === 'seconds' ? 1 : 1_000;
  // The sum of a distribution over each bucket: for showing the mean.
  queries.push({ counts: 'seconds', scale: 1 / perSecond, query: `sum:${latency}{${filter}} by {${versionTag}}` });
  if (!limits.latency) return queries;
  // Of a distribution Datadog counts the values in a range: percentiles could not be added up.
  const limit = (limits.latency.underMs * perSecond) / 1_000;
  return [...queries, { counts: 'slow', query: counted(`count(v: v>${limit})`, latency) }];
}

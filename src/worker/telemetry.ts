import { makeTelemetryFilterString, type TelemetryOptions } from '@temporalio/worker';
import { METRICS } from '../domain/index.ts';

/**
 * What the SDK logs and measures. With BLUEGREEN_METRICS, an address such as 127.0.0.1:9464, the worker serves a page for
 * Prometheus there: the SDK's own metrics, named as Prometheus likes it (seconds, `_total`), and ours.
 */
export function telemetryOptions(env: NodeJS.ProcessEnv = process.env): TelemetryOptions {
  const bindAddress = env['BLUEGREEN_METRICS'];
  return {
    logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    ...(bindAddress ? { metrics: { prometheus: { bindAddress, ...AS_PROMETHEUS_LIKES_IT } } } : {}),
  };
}

const AS_PROMETHEUS_LIKES_IT = {
  countersTotalSuffix: true,
  unitSuffix: true,
  useSecondsForDurations: true,
  histogramBucketOverrides: Object.fromEntries(
    Object.values(METRICS).flatMap((metric) => ('buckets' in metric ? [[metric.name, [...metric.buckets]]] : [])),
  ),
};

import { metricMeter } from '@temporalio/workflow';
import { METRICS, type Measurement } from '../domain/index.ts';

/** Hands measurements to the worker's Prometheus page. The SDK leaves out what is replayed, so nothing counts again. */
export function emitMetrics(measurements: readonly Measurement[]): void {
  for (const { metric, value, labels } of measurements) {
    const { name, kind, help } = METRICS[metric];
    switch (kind) {
      case 'counter':
        metricMeter.createCounter(name, undefined, help).add(value, labels);
        break;
      case 'histogram':
        metricMeter.createHistogram(name, 'float', undefined, help).record(value, labels);
        break;
      case 'gauge':
        metricMeter.createGauge(name, 'float', undefined, help).set(value, labels);
        break;
    }
  }
}

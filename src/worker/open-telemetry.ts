import { setTimeout as delay } from 'node:timers/promises';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';
import type { Logger } from '../plugin/index.ts';
import type { Tracing } from './trace-export.ts';

const STOP_MS = 2_000;
const DEFAULTS = new Resource({ 'service.name': 'bluegreen-worker' });

/** Load it by {@link startTracing}. The address, headers and time-outs are OTEL_* variables, which the exporter reads. */
export function openTelemetry(log: Pick<Logger, 'warn'>): Tracing {
  diag.setLogger(quietly(log), DiagLogLevel.ERROR);
  const resource = DEFAULTS.merge(detectResourcesSync({ detectors: [envDetectorSync] }));
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  return {
    plugins: [new OpenTelemetryPlugin({ resource, spanProcessor })],
    stop: () => Promise.race([provider.shutdown().catch(() => {}), delay(STOP_MS, undefined, { ref: false })]),
  };
}

/** Reports lost traces only once: a collector that is down would cause a message every five seconds. */
function quietly(log: Pick<Logger, 'warn'>) {
  let reported = false;
  const nothing = (): void => {};
  const error = (message: string): void => {
    if (reported) return;
    reported = true;
    log.warn(`Traces are not sent, and deployments go on without them: ${message}`);
  };
  return { error, warn: nothing, info: nothing, debug: nothing, verbose: nothing };
}

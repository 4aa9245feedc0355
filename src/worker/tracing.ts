import type { Logger } from '../plugin/index.ts';
import { errorCode } from '../util/index.ts';
import type { Tracing } from './trace-export.ts';

/**
 * Whether OpenTelemetry's own variables ask for traces; off by default. On or off changes no step of a deployment: one
 * that began without traces goes on with them, and the other way round.
 *
 * @throws Error when they ask for a protocol that is not spoken here.
 */
export function isTraced(env: NodeJS.ProcessEnv = process.env): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return false;
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return false;
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (protocol === 'grpc')
    throw new Error(
      'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": this worker sends traces over HTTP only. Name the port of the collector for OTLP over HTTP, usually 4318, in OTEL_EXPORTER_OTLP_ENDPOINT, and unset the protocol.',
    );
  return true;
}

/** Optional peers of this package: most workers send no traces. */
const PACKAGES = [
  '@opentelemetry/api@1',
  '@opentelemetry/exporter-trace-otlp-http@0.57',
  '@opentelemetry/resources@1',
  '@opentelemetry/sdk-trace-node@1',
  '@temporalio/interceptors-opentelemetry@1.24',
].join(' ');

/** Loads OpenTelemetry only where it is asked for: without it, the worker starts as fast as ever. */
export async function startTracing(log: Pick<Logger, 'warn'>): Promise<Tracing | undefined> {
  if (!isTraced()) return undefined;
  const { openTelemetry } = await import('./open-telemetry.ts').catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(`Traces need packages that are not installed: npm install ${PACKAGES}`, { cause: error });
  });
  return openTelemetry(log);
}

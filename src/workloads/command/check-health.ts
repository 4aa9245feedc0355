import { type Evidence, greenUnhealthy } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { errorCode } from '../../util/index.ts';

const HEALTH_TIMEOUT_MS = 2_000;

/** Asks a version's own address. @throws ApplicationFailure `GreenUnhealthy`, retryable; the signal's reason when that aborts. */
export async function checkHealth(
  urlTemplate: string,
  { service, version }: { readonly service: string; readonly version: string },
  signal: AbortSignal,
): Promise<Evidence> {
  signal.throwIfAborted();
  const [url = ''] = fillPlaceholders([urlTemplate], {
    service: encodeURIComponent(service),
    version: encodeURIComponent(version),
  });
  const startedAt = performance.now();
  const timeout = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
  let status: number;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, timeout]), redirect: 'manual' });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    const found = timeout.aborted
      ? `no answer within ${HEALTH_TIMEOUT_MS} ms`
      : `no connection (${errorCode(error) ?? 'broken off'})`;
    throw unhealthy(version, found);
  }
  if (status < 200 || status > 299) throw unhealthy(version, `HTTP status ${status}`);
  const tookMs = Math.round(performance.now() - startedAt);
  return [{ what: `health of ${version}`, measured: `HTTP status ${status} in ${tookMs} ms`, required: '200 to 299' }];
}

function unhealthy(version: string, found: string): Error {
  return greenUnhealthy(
    `${version} did not pass its health check: found ${found}, expected HTTP status 200 to 299 within ${HEALTH_TIMEOUT_MS} ms`,
  );
}

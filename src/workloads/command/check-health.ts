import type { DeploymentTarget } from '../../domain/index.ts';
import { ask, type ExpectedAnswer, judgeAnswer } from '../../http-answer/index.ts';
import { type Evidence, greenUnhealthy } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';

const HEALTH_TIMEOUT_MS = 2_000;

/** What a version's own address has to answer. */
export interface Health extends ExpectedAnswer {
  readonly url: string;
}

/** Asks a version's own address. @throws ApplicationFailure `GreenUnhealthy`, retryable; the signal's reason when that aborts. */
export async function checkHealth(
  health: Health,
  { version, target }: { readonly version: string; readonly target: DeploymentTarget },
  signal: AbortSignal,
): Promise<Evidence> {
  const { service, green } = target;
  const [url = ''] = fillPlaceholders([health.url], {
    service: encodeURIComponent(service),
    version: encodeURIComponent(version),
  });
  const startedAt = performance.now();
  const answer = await ask(url, { timeoutMs: HEALTH_TIMEOUT_MS, signal });
  if ('unanswered' in answer) throw unhealthy(version, `it did not answer: ${answer.unanswered}`);
  const { passed, found, required } = judgeAnswer(answer, health, {
    values: { service, version },
    asked: version === green ? 'green' : 'blue',
  });
  if (!passed) throw unhealthy(version, `it answered ${found}`);
  const tookMs = Math.round(performance.now() - startedAt);
  return [{ what: `health of ${version}`, measured: `it answered ${found} in ${tookMs} ms`, required }];
}

function unhealthy(version: string, found: string): Error {
  return greenUnhealthy(`${version} did not pass its health check: ${found}`);
}

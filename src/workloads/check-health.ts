import type { DeploymentTarget } from '../domain/index.ts';
import { answerKeys, ask, type ExpectedAnswer, judgeAnswer, namesVersion } from '../http-answer/index.ts';
import { type Evidence, greenUnhealthy, z } from '../plugin/index.ts';
import { fillPlaceholders } from '../processes/index.ts';
import { httpUrl } from '../runbook/index.ts';

const HEALTH_TIMEOUT_MS = 2_000;

/** What a version's own address has to answer. */
export interface Health extends ExpectedAnswer {
  readonly url: string;
}

/** The keys of `health`. The address may hold `{service}`, `{version}` and these placeholders. */
export function healthSchema(...placeholders: readonly string[]) {
  return z.strictObject({
    url: httpUrl('service', 'version', ...placeholders).describe(
      'The address of the version itself, not of the router.',
    ),
    ...answerKeys('service', 'version'),
  });
}

/** Whether an answer of blue could pass for one of green. @param placeholders those that differ between both */
export function isAmbiguous(health: Health, ...placeholders: readonly string[]): boolean {
  return !placeholders.some((key) => health.url.includes(`{${key}}`)) && !namesVersion(health);
}

/** Asks a version's own address. @throws ApplicationFailure `GreenUnhealthy`, retryable; the signal's reason when that aborts. */
export async function checkHealth(
  health: Health,
  { version, target, slot }: { readonly version: string; readonly target: DeploymentTarget; readonly slot?: string },
  signal: AbortSignal,
): Promise<Evidence> {
  const { service, green } = target;
  const [url = ''] = fillPlaceholders([health.url], {
    service: encodeURIComponent(service),
    version: encodeURIComponent(version),
    ...(slot !== undefined && { slot }),
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

import type { NotificationMessage } from '../../plugin/index.ts';
import { errorCode, readVariable } from '../../util/index.ts';

const TIMEOUT_MS = 5_000;

/** Why the variable `urlEnv` cannot be posted to; undefined when it can. Never says what it holds: the URL is a secret. */
export function webhookProblem(urlEnv: string, env: NodeJS.ProcessEnv): string | undefined {
  try {
    webhookUrl(urlEnv, env);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @throws Error that names the variable. */
function webhookUrl(urlEnv: string, env: NodeJS.ProcessEnv): string {
  const url = readVariable(env, urlEnv);
  if (url && /^https?:/i.test(url) && URL.canParse(url)) return url;
  throw new Error(`the worker's variable ${urlEnv} ${url ? 'holds no URL' : 'is not set'}, expected a webhook's URL`);
}

/**
 * Posts `{ text, severity, event, service, environment, version, command, link }` as JSON to the URL in the variable `urlEnv`;
 * chat services show `text`. The URL is a secret.
 * @throws Error that says what was wrong, without the URL; the signal's reason when that aborts.
 */
export async function postToWebhook(
  urlEnv: string,
  { key, text, severity, event, target, command, link }: NotificationMessage,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const url = webhookUrl(urlEnv, env);
  const { service, environment, green: version } = target;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let status: number;
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual', // followed, it becomes a GET that nobody reads
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ text, severity, event, service, environment, version, command, link }),
      signal: AbortSignal.any([signal, timeout]),
    });
    status = response.status;
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted
      ? `did not answer within ${TIMEOUT_MS} ms`
      : `could not be reached (${errorCode(error) ?? 'no connection'})`;
    throw new Error(`the webhook in ${urlEnv} ${why}`, { cause: error });
  }
  if (status < 200 || status > 299)
    throw new Error(`the webhook in ${urlEnv} answered with HTTP status ${status}, expected 200 to 299`);
}

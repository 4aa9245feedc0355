import type { EvidenceLine } from '../../domain/index.ts';
import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { errorCode, redact } from '../../util/index.ts';
import { placeholders } from '../placeholders.ts';
import { type Config, schema } from './schema.ts';

export const httpCheck = checkKind({
  kind: 'http',
  summary: 'An address gives the expected answer.',
  schema,
  secretKeys: ['url'],
  create,
});

const TIMEOUT_MS = 10_000;
const LARGEST_BODY_BYTES = 1_048_576;

/**
 * An address that answers with the expected status, and with a text in its body if the runbook wants one. An address
 * that does not answer has failed the check: whether it answers is the question. Redirects are not followed: the
 * check is about the address in the runbook. Findings never contain the address: they end in a history.
 */
function create(config: Config): Check {
  const timeoutMs = Math.min(TIMEOUT_MS, config.timeout);
  return async ({ target, run }) => {
    const values = placeholders(target);
    const encoded = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encodeURIComponent(value)]));
    const [url = ''] = fillPlaceholders([config.url], encoded);
    const [contains] = config.contains === undefined ? [] : fillPlaceholders([config.contains], values);
    const timeout = AbortSignal.timeout(timeoutMs);
    run.heartbeat({ doing: 'asking' });
    try {
      const signal = AbortSignal.any([run.signal, timeout]);
      const response = await fetch(url, { redirect: 'manual', signal });
      const body = contains === undefined ? await discard(response) : await readCapped(response);
      return judge(config, { status: response.status, body, contains });
    } catch (error) {
      run.signal.throwIfAborted();
      return unanswered(timeout.aborted ? `no complete answer within ${timeoutMs / 1_000} s` : reasonOf(error));
    }
  };
}

function judge(
  config: Config,
  answer: { readonly status: number; readonly body: string; readonly contains: string | undefined },
): Finding {
  const { status, body, contains } = answer;
  const right = status === config.status;
  const shown = contains === undefined ? '' : JSON.stringify(redact(contains).slice(0, 200));
  const has = contains === undefined || body.includes(contains);
  const evidence: EvidenceLine[] = [
    { what: 'status of the answer', measured: String(status), required: String(config.status) },
    ...(contains === undefined
      ? []
      : [
          {
            what: 'text of the answer',
            measured: has ? `contains ${shown}` : `does not contain ${shown}`,
            required: `contains ${shown}`,
          },
        ]),
  ];
  if (right && has)
    return {
      passed: true,
      summary: `it answered ${status}${contains === undefined ? '' : ` and contains ${shown}`}`,
      evidence,
    };
  return {
    passed: false,
    summary: right ? `it answered ${status}, but without ${shown}` : `it answered ${status}, expected ${config.status}`,
    evidence,
    unblock: right
      ? `the answer has to contain ${shown} (within its first megabyte)`
      : `it has to answer ${config.status}`,
  };
}

function unanswered(reason: string): Finding {
  return {
    passed: false,
    summary: `it did not answer: ${reason}`,
    evidence: [{ what: 'answer', measured: reason, required: 'an answer' }],
    unblock: 'start what should answer there, or correct the address of this check in the runbook',
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  ENOTFOUND: 'its host is unknown',
  EAI_AGAIN: 'its host could not be looked up',
  UND_ERR_SOCKET: 'the connection broke',
};

/** In words of our own: the messages of fetch name hosts and ports. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  return (code && REASONS[code]) ?? `the request failed (${code ?? 'unknown reason'})`;
}

async function discard(response: Response): Promise<string> {
  await response.body?.cancel();
  return '';
}

async function readCapped(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const kept = chunk.subarray(0, LARGEST_BODY_BYTES - bytes);
    bytes += kept.length;
    text += decoder.decode(kept, { stream: true });
    if (bytes >= LARGEST_BODY_BYTES) break; // ends the request, too
  }
  return text + decoder.decode();
}

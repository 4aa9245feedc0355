import { errorCode } from '../util/index.ts';

const LARGEST_BODY_BYTES = 1_048_576;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Its first megabyte. */
  readonly body: string;
}

/**
 * One GET of an address. Redirects are not followed: the question is about this address. An address that does not answer
 * in time is `unanswered`, with a reason that does not contain the address. @throws the signal's reason when that aborts.
 */
export async function ask(
  url: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Answer | { readonly unanswered: string }> {
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.any([signal, timeout]) });
    return { status: response.status, headers: response.headers, body: await readCapped(response) };
  } catch (error) {
    signal.throwIfAborted();
    return { unanswered: timeout.aborted ? `no complete answer within ${timeoutMs / 1_000} s` : reasonOf(error) };
  }
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

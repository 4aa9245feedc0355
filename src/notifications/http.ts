import { RetryLater } from '../plugin/index.ts';
import { errorCode, jsonOrUndefined } from '../util/index.ts';

/** One attempt to notify has 15 s, and some kinds send two requests. */
const TIMEOUT_MS = 5_000;
const LARGEST_ANSWER = 1_048_576;

export interface HttpRequest {
  /** What messages call the receiver, such as `the webhook in CHAT_WEBHOOK`. They never contain the URL, which may be a secret. */
  readonly name: string;
  readonly url: string;
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/**
 * Sends one request, and returns the JSON object of the answer, or an empty one. Redirects are not followed: a POST becomes a GET that nobody reads.
 * @throws Error in words without the URL and without what the receiver said: it may repeat the URL; RetryLater if it says when to
 * ask again; the signal's reason when that aborts.
 */
export async function send(
  { name, url, method = 'POST', headers, body }: HttpRequest,
  signal: AbortSignal,
): Promise<object> {
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text = '';
  try {
    response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, timeout]),
    });
    text = await readText(response);
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted
      ? `did not answer within ${TIMEOUT_MS / 1_000} s`
      : `could not be reached (${errorCode(error) ?? 'no connection'})`;
    throw new Error(`${name} ${why}`, { cause: error });
  }
  const { status } = response;
  if (status >= 200 && status <= 299) return objectIn(text);
  const problem = `${name} answered with HTTP status ${status}, expected 200 to 299`;
  const retryAfterMs = retryAfter(response.headers);
  throw retryAfterMs === undefined ? new Error(problem) : new RetryLater(problem, retryAfterMs);
}

function objectIn(text: string): object {
  const value = jsonOrUndefined(text);
  return typeof value === 'object' && value !== null ? value : {};
}

/** Its first megabyte. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= LARGEST_ANSWER) break; // ends the request, too
  }
  return text;
}

/** Seconds or a date, as HTTP has it. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return ms > 0 ? ms : undefined;
}

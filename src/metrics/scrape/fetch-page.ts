import type { Range } from '../../plugin/index.ts';
import { errorCode } from '../../util/index.ts';

const TIMEOUT_MS = 2_500;
const LARGEST_PAGE_BYTES = 10 * 1_048_576;

export interface Page {
  readonly text: string;
  /** How far its server's clock is ahead of this one by its Date header: that tells whole seconds, and takes its time. */
  readonly clockAheadMs?: Range;
}

/**
 * The page at a URL.
 * @throws Error whose message says what was wrong, without the URL; the signal's reason when that aborts.
 */
export async function fetchPage(url: string, signal: AbortSignal): Promise<Page> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = AbortSignal.any([signal, timeout]);
  let response: Response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const askedAt = Date.now();
  let answeredAt = askedAt;
  try {
    // No redirects: a page could send the worker to whatever it alone can reach.
    const headers = { accept: 'text/plain;version=0.0.4' };
    response = await fetch(url, { signal: either, redirect: 'manual', headers });
    answeredAt = Date.now();
    size = Number(response.headers.get('content-length') ?? 0);
    if (size > LARGEST_PAGE_BYTES) await response.body?.cancel();
    else if (response.ok && response.body) {
      size = 0;
      for await (const chunk of response.body) {
        size += chunk.length;
        if (size > LARGEST_PAGE_BYTES) break;
        chunks.push(chunk);
      }
    } else await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(timeout.aborted ? `no answer within ${TIMEOUT_MS / 1_000} s` : describe(error), { cause: error });
  }
  if (!response.ok) throw new Error(`answered with HTTP status ${response.status}`);
  if (size > LARGEST_PAGE_BYTES) throw new Error(`its page is larger than ${LARGEST_PAGE_BYTES / 1_048_576} MB`);
  const text = Buffer.concat(chunks).toString();
  const date = Date.parse(response.headers.get('date') ?? '');
  return Number.isNaN(date)
    ? { text }
    : { text, clockAheadMs: { least: date - answeredAt, most: date + 1_000 - askedAt } };
}

/** What fetch says of a failure names the address; its code does not. */
function describe(error: unknown): string {
  const code = errorCode(error);
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ENOTFOUND':
      return 'its host name is not known';
    case undefined:
      return 'it could not be reached';
    default:
      return `the connection failed (${code})`;
  }
}

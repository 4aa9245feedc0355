import { errorCode } from '../platforms/error-code.ts';

const TIMEOUT_MS = 2_500;
const LARGEST_PAGE_BYTES = 10 * 1_048_576;

/**
 * The text at a URL.
 * @throws Error whose message says what was wrong, without the URL; the signal's reason when that aborts.
 */
export async function fetchPage(url: string, signal: AbortSignal): Promise<string> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const either = AbortSignal.any([signal, timeout]);
  let response: Response;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    response = await fetch(url, { signal: either, headers: { accept: 'text/plain;version=0.0.4' } });
    if (response.ok && response.body)
      for await (const chunk of response.body) {
        size += chunk.length;
        if (size > LARGEST_PAGE_BYTES) break;
        chunks.push(chunk);
      }
    else await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(timeout.aborted ? `no answer within ${TIMEOUT_MS} ms` : describe(error), { cause: error });
  }
  if (!response.ok) throw new Error(`answered with HTTP status ${response.status}`);
  if (size > LARGEST_PAGE_BYTES) throw new Error(`its page is larger than ${LARGEST_PAGE_BYTES / 1_048_576} MB`);
  return Buffer.concat(chunks).toString();
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

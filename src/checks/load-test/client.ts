import { Agent, errors } from 'undici';
import { errorCode } from '../../util/index.ts';
import { TIMED_OUT } from './outcome.ts';

/** In words of our own: the errors' messages name hosts and ports. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broke',
  EPIPE: 'connection broke',
  UND_ERR_SOCKET: 'connection broke',
  UND_ERR_CONNECT_TIMEOUT: TIMED_OUT,
  ENOTFOUND: 'unknown host',
  EAI_AGAIN: 'host could not be looked up',
  EMFILE: 'no more connections can be opened on this machine',
  EADDRNOTAVAIL: 'no more connections can be opened on this machine',
};

export interface LoadClient {
  /**
   * Asks for a path below the target and reads the whole answer. Resolves to what failed in a few words, undefined if
   * the answer was a 2xx: a load of redirects to a login or of 404 would prove nothing. Never rejects.
   */
  get(path: string): Promise<string | undefined>;
  /** Breaks off what is under way; `get` resolves at once. May be called twice. */
  close(): Promise<void>;
}

/** What load is sent with. `target` is a URL without query; connections are opened as many as there are requests. */
export function createClient({ target, timeoutMs }: { readonly target: URL; readonly timeoutMs: number }): LoadClient {
  const { origin, pathname } = target;
  const base = pathname.replace(/\/$/, '');
  // One limit for the whole request, below, instead of one for each part of it.
  const agent = new Agent({ connect: { timeout: timeoutMs }, headersTimeout: 0, bodyTimeout: 0 });

  return {
    async get(path) {
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), timeoutMs);
      try {
        const { statusCode, body } = await agent.request({
          origin,
          path: base + path,
          method: 'GET',
          headers: { 'user-agent': 'bluegreen-load' },
          signal: patience.signal,
        });
        for await (const _chunk of body); // to its end: that is when a customer has it, and the connection is free again
        return statusCode >= 200 && statusCode < 300 ? undefined : `answered ${statusCode}`;
      } catch (error) {
        return patience.signal.aborted ? TIMED_OUT : reasonOf(error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.HTTPParserError) return 'answer is not HTTP';
  const code = errorCode(error);
  return (code && REASONS[code]) ?? `request failed (${code ?? 'unknown reason'})`;
}

import { Agent, errors } from 'undici';
import { errorCode } from '../../util/index.ts';
import { TIMED_OUT } from './outcome.ts';

/** One request below the target, and what its answer has to be. */
export interface LoadRequest {
  readonly path: string;
  readonly method?: (typeof METHODS)[number];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Which statuses are a success; by default every 2xx: a load of redirects to a login or of 404 would prove nothing. */
  readonly status?: readonly number[] | undefined;
  /** What the first megabyte of the answer has to contain. */
  readonly contains?: string | undefined;
}

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

const LONGEST_SEARCHED = 1_048_576;

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
   * Sends a request below the target and reads the whole answer. Resolves to what failed in a few words, undefined if it was
   * answered as it should be. Never rejects.
   */
  send(request: LoadRequest): Promise<string | undefined>;
  /** Breaks off what is under way; `send` resolves at once. May be called twice. */
  close(): Promise<void>;
}

/** What load is sent with. `target` is a URL without query; connections are opened as many as there are requests. */
export function createClient({
  target,
  timeoutMs,
  ca,
}: {
  readonly target: URL;
  readonly timeoutMs: number;
  /** The certificate authorities to trust, as PEM; by default those of Node. */
  readonly ca?: string | undefined;
}): LoadClient {
  const { origin, pathname } = target;
  const base = pathname.replace(/\/$/, '');
  // One limit for the whole request, below, instead of one for each part of it.
  const agent = new Agent({
    connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) },
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  return {
    async send({ path, method = 'GET', headers, body: sent, status, contains }) {
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(), timeoutMs);
      try {
        const { statusCode, body } = await agent.request({
          origin,
          path: base + path,
          method,
          headers: { 'user-agent': 'bluegreen-load', ...headers },
          ...(sent !== undefined && { body: sent }),
          signal: patience.signal,
        });
        // To its end: that is when a customer has it, and the connection is free again.
        const text = await readAll(body, contains === undefined ? 0 : LONGEST_SEARCHED);
        const isRight = status ? status.includes(statusCode) : statusCode >= 200 && statusCode < 300;
        if (!isRight) return `answered ${statusCode}`;
        return contains === undefined || text.includes(contains)
          ? undefined
          : `answered ${statusCode} without the expected text`;
      } catch (error) {
        return patience.signal.aborted ? TIMED_OUT : reasonOf(error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

/** The first `kept` bytes. */
async function readAll(body: AsyncIterable<Buffer>, kept: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (size < kept) chunks.push(chunk.subarray(0, kept - size));
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString();
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.HTTPParserError) return 'answer is not HTTP';
  const code = errorCode(error);
  return (code && REASONS[code]) ?? `request failed (${code ?? 'unknown reason'})`;
}

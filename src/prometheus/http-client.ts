import { type Dispatcher, request as send } from 'undici';
import { createDispatcher } from '../proxy/index.ts';
import { errorCode, hideSecrets, redact } from '../util/index.ts';
import { type Credentials, headersOf, named, secretsOf } from './credentials.ts';

/** Where a Prometheus or an Alertmanager answers. */
export interface Server extends Credentials {
  /** The name in messages. They end in a history, so they never contain the address. */
  readonly name: string;
  /** With the path that it is served under, if any. */
  readonly url: string;
  /** How it is reached where its certificate is of a CA of the house: an undici Agent that trusts it. */
  readonly dispatcher?: Dispatcher | undefined;
  /** For one whole answer; 10 s by default. */
  readonly timeoutMs?: number;
}

export interface Question {
  /** Below the server's own path: `/api/v1/rules`. */
  readonly path: string;
  readonly search?: Readonly<Record<string, string>>;
  /** Sent as JSON with POST. */
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** How far its clock is ahead of this one by its Date header: that tells whole seconds, and takes its time. */
  readonly clockAheadMs?: { readonly least: number; readonly most: number };
  /** For how long it wants no more questions, when it says so. */
  readonly retryAfterMs?: number;
}

/**
 * Watches read the same server again and again, many of them at the same moment: they share a few connections, which stay open
 * from one reading to the next.
 */
export const CONNECTIONS = { keepAliveTimeout: 30_000, connections: 32 } as const;
const agent = createDispatcher(CONNECTIONS);

const TIMEOUT_MS = 10_000;
const IN_URL =
  'its URL holds a user or a password: put both into a variable of the worker as user:password, and name that in the runbook (auth: { basicEnv: NAME })';
/** All rules and alerts of a large Prometheus are a few megabytes. */
const LARGEST_ANSWER_BYTES = 32 * 1_048_576;
const SHOWN = 300;

/**
 * One question to a server and its whole answer, whatever its status. Redirects are not followed: they would carry the
 * token elsewhere.
 * @throws Error in words that begin with the server's name and hold neither address nor token; the signal's reason when
 * that aborts.
 */
export async function request(server: Server, question: Question, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const { timeoutMs = TIMEOUT_MS } = server;
  const timeout = AbortSignal.timeout(timeoutMs);
  const address = addressOf(server, question);
  if (address.username !== '' || address.password !== '') throw new Error(`${server.name}: ${IN_URL}`);
  const askedAt = Date.now();
  try {
    const response = await send(address, {
      dispatcher: server.dispatcher ?? agent,
      signal: AbortSignal.any([signal, timeout]),
      headers: {
        // Most answers are a few kilobytes: to unpack one costs more than to carry it.
        'accept-encoding': 'identity',
        ...headersOf(server),
        ...(question.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(question.body !== undefined && { method: 'POST', body: JSON.stringify(question.body) }),
    });
    const timing = timingOf(response.headers, askedAt, Date.now());
    const text = await readCapped(response.body);
    if (text !== undefined) return { status: response.statusCode, text, ...timing };
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted ? `no complete answer within ${timeoutMs / 1_000} s` : reasonOf(error);
    throw new Error(`${server.name}: ${why}`, { cause: error });
  }
  throw new Error(`${server.name}: its answer is larger than ${LARGEST_ANSWER_BYTES / 1_048_576} MB`);
}

/** What an answer that is no success means. `said` is the server's own explanation, if it gave one. */
export function refusal(server: Server, status: number, said = ''): Error {
  const why = `${meaningOf(status, server)} (HTTP status ${status})`;
  return new Error(`${server.name}: ${why}${said === '' ? '' : `: ${conceal(said, server)}`}`);
}

/** What a server said, fit to be shown: nothing secret that it was sent, no address, not too long. */
export function conceal(text: string, credentials: Credentials = {}): string {
  return redact(hideSecrets(text, secretsOf(credentials))).slice(0, SHOWN);
}

function addressOf({ url }: Server, { path, search = {} }: Question): URL {
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}${path}`;
  for (const [key, value] of Object.entries(search)) address.searchParams.append(key, value);
  return address;
}

function timingOf(
  headers: Dispatcher.ResponseData['headers'],
  askedAt: number,
  answeredAt: number,
): Omit<Answer, 'status' | 'text'> {
  const date = Date.parse(String(headers['date']));
  const after = String(headers['retry-after']);
  const retryAfterMs = /^\d+$/.test(after) ? Number(after) * 1_000 : Date.parse(after) - answeredAt;
  return {
    ...(Number.isNaN(date) ? {} : { clockAheadMs: { least: date - answeredAt, most: date + 1_000 - askedAt } }),
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
  };
}

/** The body, or undefined if it is too large. */
async function readCapped(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_ANSWER_BYTES) return undefined; // ends the request, too
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function meaningOf(status: number, credentials: Credentials): string {
  const who = named(credentials);
  if (status === 401)
    return who
      ? `it does not accept ${who}`
      : 'it wants a token: put one into a variable of the worker and name that in the runbook (auth: { tokenEnv: NAME }, or { basicEnv: NAME } for user:password)';
  if (status === 403) return who ? `${who} may not do this` : 'it forbids this';
  if (status === 404) return 'there is no such address: the URL may be another server’s, or lack a path';
  if (status === 422) return 'it could not evaluate the query';
  if (status === 429) return 'it is asked too often';
  if (status === 503) return 'it is not ready, or too busy';
  if (status >= 300 && status < 400) return 'it sends the request elsewhere, often to a login page';
  return 'it did not do as asked';
}

/** In words of our own: the messages of fetch name hosts and ports, and one shows a whole URL with its password. */
function reasonOf(error: unknown): string {
  const code = errorCode(error);
  switch (code) {
    case undefined:
      return 'it could not be reached';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ENOTFOUND':
      return 'its host name is not known';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection broke';
    case 'UND_ERR_ABORTED':
      return 'the proxy of the worker (HTTPS_PROXY) does not connect to it';
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'EPROTO':
      return 'it does not speak TLS: perhaps its URL begins with http, not https';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its TLS certificate is for another host name';
    case 'CERT_HAS_EXPIRED':
      return 'its TLS certificate has expired';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `the worker does not trust its TLS certificate (${code}): name the file of its CA in NODE_EXTRA_CA_CERTS`;
    default:
      return `the connection failed (${code})`;
  }
}

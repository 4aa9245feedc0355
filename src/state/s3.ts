import { randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import { errorCode } from '../util/index.ts';
import type { S3Address } from './s3-address.ts';
import { s3Credentials } from './s3-credentials.ts';
import { type StateStore, StateUnavailable } from './store.ts';
import { elementIn, elementsIn } from './xml.ts';

/** For all attempts of one request: a rollback on a worker that has just started waits for it. */
const LIMIT_MS = 5_000;
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 200;
/** Objects that are fetched at a time. */
const AT_ONCE = 8;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/jsonl',
  '.md': 'text/markdown; charset=utf-8',
};

interface S3Request {
  readonly method: 'GET' | 'PUT';
  /** Of the object; without it, the bucket is asked. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The state in a bucket of AWS S3, or of another server that speaks its API. An object is there whole or not at all. */
export function s3State(address: S3Address, env: NodeJS.ProcessEnv): StateStore {
  const { bucket, prefix, region, endpoint } = address;
  const credentials = s3Credentials(env, region);
  const keyOf = (name: string): string => (prefix === '' ? name : `${prefix}/${name}`);

  /** @returns the body; undefined if there is no such object. */
  async function request({ method, key, query = {}, body }: S3Request): Promise<string | undefined> {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const path = [bucket, ...(key?.split('/') ?? [])].map(encodeURIComponent).join('/');
    const url = `${endpoint}/${path}?${new URLSearchParams(query).toString()}`.replace(/\?$/, '');
    const headers = body === undefined ? {} : { 'content-type': CONTENT_TYPES[extname(key ?? '')] ?? 'text/plain' };
    for (let attempt = 1; ; attempt += 1) {
      const answer = await send().catch((error: unknown) => {
        if (error instanceof StateUnavailable) throw error;
        return new StateUnavailable(`the bucket ${bucket} ${unanswered(error, signal)}`);
      });
      if (answer instanceof StateUnavailable) {
        if (attempt === ATTEMPTS || signal.aborted) throw answer;
      } else {
        if (answer.status < 300) return answer.text;
        const code = elementIn(answer.text, 'Code') ?? String(answer.status);
        if (answer.status === 404 && /^(NoSuchKey|404)$/.test(code) && method === 'GET' && key) return undefined;
        const mayHeal = answer.status >= 500 || answer.status === 429;
        if (!mayHeal || attempt === ATTEMPTS || signal.aborted) throw refusal(answer.status, code);
      }
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }

    async function send(): Promise<{ readonly status: number; readonly text: string }> {
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials(signal);
      const content = body === undefined ? {} : { body };
      const token = sessionToken === undefined ? {} : { sessionToken };
      const keys = { accessKeyId, secretAccessKey, ...token };
      const signed = await new AwsV4Signer({ method, url, headers, region, service: 's3', ...keys, ...content }).sign();
      const answer = await fetch(signed.url, {
        method,
        headers: signed.headers,
        signal,
        redirect: 'error',
        ...content,
      });
      return { status: answer.status, text: await answer.text() };
    }
  }

  function refusal(status: number, code: string): StateUnavailable {
    const words: Readonly<Record<string, string>> = {
      NoSuchBucket: 'does not exist; create it, or correct its name',
      AccessDenied:
        'refuses these credentials (AccessDenied); they need s3:ListBucket on the bucket, and s3:GetObject and s3:PutObject on its objects',
      AuthorizationHeaderMalformed: `is not in the region ${region}; write its region into the URL: ?region=...`,
      PermanentRedirect: `is not in the region ${region}; write its region into the URL: ?region=...`,
      RequestTimeTooSkewed: "refuses the request since the worker's clock is wrong (RequestTimeTooSkewed)",
    };
    const otherwise = /^(InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|403)$/.test(code)
      ? `refuses the credentials (${code}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role of the pod`
      : `answers ${status} (${code.slice(0, 80)})`;
    return new StateUnavailable(`the bucket ${bucket} ${words[code] ?? otherwise}`);
  }

  async function keysIn(folder: string): Promise<string[]> {
    const keys: string[] = [];
    let next: string | undefined;
    do {
      const query: Record<string, string> = { 'list-type': '2', 'encoding-type': 'url', prefix: `${keyOf(folder)}/` };
      if (next !== undefined) query['continuation-token'] = next;
      const page = (await request({ method: 'GET', query })) ?? '';
      keys.push(...elementsIn(page, 'Key').map((key) => decodeURIComponent(key.replaceAll('+', ' '))));
      next = elementIn(page, 'NextContinuationToken');
    } while (next !== undefined);
    return keys;
  }

  const write = async (name: string, text: string): Promise<void> => {
    await request({ method: 'PUT', key: keyOf(name), body: text });
  };

  return {
    isRemote: true,
    describe: (name) => `${keyOf(name)} in the bucket ${bucket}`,
    read: (name) => request({ method: 'GET', key: keyOf(name) }),
    write,
    append: (folder, text) => write(`${folder}/${randomUUID()}.jsonl`, text),

    async readAppended(folder) {
      const keys = await keysIn(folder);
      const texts: string[] = [];
      for (let from = 0; from < keys.length; from += AT_ONCE) {
        const some = keys.slice(from, from + AT_ONCE);
        const read = await Promise.all(some.map((key) => request({ method: 'GET', key })));
        texts.push(...read.map((text) => text ?? ''));
      }
      return texts;
    },

    close: async () => {},
  };
}

function unanswered(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `did not answer within ${LIMIT_MS / 1_000} s`;
  const cause = error instanceof Error ? error.cause : undefined;
  return `cannot be reached (${errorCode(cause) ?? errorCode(error) ?? 'no answer'}); check the endpoint and the network`;
}

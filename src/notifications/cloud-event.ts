import type { Problem } from '../plugin/index.ts';
import { envName } from '../runbook/index.ts';
import { send } from './http.ts';
import { problemsOf, tokenIn, urlIn } from './settings.ts';

/** A CloudEvent 1.0. `source` and `id` together are unique, and the same in each attempt. */
export interface CloudEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** ISO 8601. */
  readonly time?: string;
  readonly data: object;
}

/** The keys of a channel that sends CloudEvents. */
export const receiverKeys = {
  urlEnv: envName.describe('The variable of the worker that holds the URL.'),
  tokenEnv: envName.optional().describe('The variable of the worker that holds a bearer token for it.'),
};

interface Receiver {
  readonly urlEnv: string;
  readonly tokenEnv?: string | undefined;
}

/** Sends an event in structured JSON. @throws Error as {@link send}, or if a variable cannot be read. */
export async function sendCloudEvent(
  { urlEnv, tokenEnv }: Receiver,
  { event, env, signal }: { readonly event: CloudEvent; readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<void> {
  const url = urlIn(urlEnv, env);
  const headers = {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    ...(tokenEnv !== undefined && { authorization: `Bearer ${tokenIn(tokenEnv, env)}` }),
  };
  const body = { specversion: '1.0', datacontenttype: 'application/json', ...event };
  await send({ name: `the receiver in ${urlEnv}`, url, headers, body }, signal);
}

/** Which variables of a receiver cannot be read. */
export function receiverProblems({ urlEnv, tokenEnv }: Receiver, env: NodeJS.ProcessEnv): readonly Problem[] {
  return problemsOf({
    [urlEnv]: () => urlIn(urlEnv, env),
    ...(tokenEnv !== undefined && { [tokenEnv]: () => tokenIn(tokenEnv, env) }),
  });
}

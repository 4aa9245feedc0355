import type { z } from 'zod';
import { jsonOrUndefined } from '../util/index.ts';
import { type Answer, refusal, type Server } from './http-client.ts';

/**
 * The answer's JSON in its expected form.
 * @throws Error with the server's name, when it is something else: a login page, an error, another server's answer.
 */
export function parseJson<Schema extends z.ZodType>(
  server: Server,
  { status, text }: Answer,
  schema: Schema,
): z.output<Schema> {
  if (status !== 200) throw explained(server, { status, text });
  const parsed = jsonOrUndefined(text);
  if (parsed === undefined) throw new Error(`${server.name}: it answered, but not with JSON: is the URL right?`);
  const { data, error } = schema.safeParse(parsed);
  if (!error) return data;
  const at = error.issues[0]?.path.join('.') ?? '';
  throw new Error(`${server.name}: its answer does not have the expected form (at "${at}"): is the URL right?`);
}

/** Why the server did not do as asked, in its own words as well if its answer has some. */
export function explained(server: Server, { status, text }: Answer): Error {
  return refusal(server, status, errorIn(jsonOrUndefined(text)));
}

/** Prometheus and Alertmanager explain themselves in a field, or in nothing but a string. */
function errorIn(parsed: unknown): string {
  if (typeof parsed === 'string') return parsed;
  if (typeof parsed !== 'object' || parsed === null) return '';
  if ('error' in parsed && typeof parsed.error === 'string') return parsed.error;
  return 'message' in parsed && typeof parsed.message === 'string' ? parsed.message : '';
}

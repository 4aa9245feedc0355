import { readVariable } from '../util/index.ts';

/** A bearer token, and the variable of the worker that it came from: that is what messages name. */
export interface Token {
  readonly variable: string;
  readonly value: string;
}

/** @throws Error that names the variable, when it is not set or cannot be sent in a header. */
export function readToken(env: NodeJS.ProcessEnv, variable: string | undefined): Token | undefined {
  if (variable === undefined) return undefined;
  const value = readVariable(env, variable)?.trim() ?? '';
  if (value === '') throw new Error(`the variable ${variable}, which should hold a token, is not set on this worker`);
  // Fetch would say so, too, with the token in its message.
  if (!/^[\x21-\x7e]+$/.test(value))
    throw new Error(`the variable ${variable} holds no token: it has blanks or other characters that none has`);
  return { variable, value };
}

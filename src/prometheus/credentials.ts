import { readVariable } from '../util/index.ts';
import { readToken, type Token } from './token.ts';

/** A header that a server wants with each question; `variable` where its value is a secret of the worker. */
export interface Header {
  readonly name: string;
  readonly value: string;
  readonly variable?: string;
}

/** With what one server is asked. At most one of `token` and `basic`. */
export interface Credentials {
  readonly token?: Token | undefined;
  /** `user:password`. */
  readonly basic?: Token | undefined;
  readonly headers?: readonly Header[];
}

/** @throws Error that names the variable, when it is not set or does not hold `user:password`. */
export function readBasic(env: NodeJS.ProcessEnv, variable: string): Token {
  const value = readVariable(env, variable)?.replace(/\r?\n$/, '') ?? '';
  if (value === '') throw new Error(`the variable ${variable}, which should hold user:password, is not set here`);
  if (!/^[^:\p{Cc}]+:\P{Cc}+$/u.test(value)) throw new Error(`the variable ${variable} does not hold user:password`);
  return { variable, value };
}

/** @throws Error that names the variable, when it is not set or cannot be sent in a header. */
export function readHeader(env: NodeJS.ProcessEnv, name: string, variable: string): Header {
  const token = readToken(env, variable);
  return { name, value: token?.value ?? '', variable };
}

export function headersOf({ token, basic, headers = [] }: Credentials): Record<string, string> {
  return {
    ...Object.fromEntries(headers.map(({ name, value }) => [name, value])),
    ...(token && { authorization: `Bearer ${token.value}` }),
    ...(basic && { authorization: `Basic ${encoded(basic)}` }),
  };
}

/** Every text that would give a secret away, the longest first: no rest of one stays behind when another is cut out. */
export function secretsOf({ token, basic, headers = [] }: Credentials): string[] {
  const password = basic?.value.slice(basic.value.indexOf(':') + 1);
  return [
    ...(token ? [token.value] : []),
    ...(basic && password !== undefined ? [basic.value, encoded(basic), password] : []),
    ...headers.filter(({ variable }) => variable !== undefined).map(({ value }) => value),
  ].sort((a, b) => b.length - a.length);
}

/** Whose word was not good enough for the server, by the variable it came from; undefined if it was sent none. */
export function named({ token, basic }: Credentials): string | undefined {
  if (token) return `the token of the variable ${token.variable}`;
  return basic && `the user and password of the variable ${basic.variable}`;
}

function encoded({ value }: Token): string {
  return Buffer.from(value).toString('base64');
}

import type { LoadRequest } from './client.ts';
import type { Config } from './schema.ts';
import type { Row } from './values.ts';
import { columnsOf, createPicker, fillRandom } from './weighted-paths.ts';

/** Of a header: its text, or the variable of the worker with it. */
type HeaderValue = string | { readonly env: string };
type Headers = Readonly<Record<string, HeaderValue>>;
type Encode = (text: string) => string;

/** @throws Error that names the variable, or the column that the file of values does not have. */
export function createRequestPicker(
  { paths, headers }: Pick<Config, 'paths' | 'headers'>,
  { values, auth, env }: { readonly values: readonly Row[]; readonly auth: Headers; readonly env: NodeJS.ProcessEnv },
): () => LoadRequest {
  const columns = Object.keys(values[0] ?? {});
  const templates = paths.map(({ weight, path, method, body, status, contains, ...one }) => {
    const unknown = columnsOf(path).find((name) => !columns.includes(name));
    if (unknown !== undefined)
      throw new Error(`a path of the load test has {${unknown}}, expected one of the columns ${columns.join(', ')}`);
    const all = { ...auth, ...typeOf(body), ...lowerCase(headers), ...lowerCase(one.headers) };
    return { weight, path, method, body, status, contains, headers: readHeaders(all, env) };
  });
  const pickTemplate = createPicker(templates);
  const pickRow = (): Row => values[Math.floor(Math.random() * values.length)] ?? {};
  return () => {
    const { weight: _, path, headers: own, body, ...rest } = pickTemplate();
    const row = pickRow();
    return {
      ...rest,
      path: fill(path, row, encodeURIComponent),
      headers: Object.fromEntries(Object.entries(own).map(([name, text]) => [name, fill(text, row, onOneLine)])),
      ...(body !== undefined && { body: fill(body, row, encodingOf(own['content-type'] ?? '')) }),
    };
  };
}

/** `{random:1:9}` and `{column}`; other braces, of JSON for example, stay. */
function fill(text: string, row: Row, encode: Encode): string {
  return fillRandom(text).replace(/\{([A-Za-z_]\w*)\}/g, (all, name: string) => {
    const value = Object.hasOwn(row, name) ? row[name] : undefined;
    return value === undefined ? all : encode(value);
  });
}

function encodingOf(type: string): Encode {
  if (/json/i.test(type)) return (text) => JSON.stringify(text).slice(1, -1);
  return /x-www-form-urlencoded/i.test(type) ? encodeURIComponent : (text) => text;
}

const onOneLine: Encode = (text) => text.replace(/[^\x20-\x7e]/g, (character) => encodeURIComponent(character));

function typeOf(body: string | undefined): Headers {
  return body !== undefined && /^\s*[[{]/.test(body) ? { 'content-type': 'application/json' } : {};
}

/** Names of headers are the same in upper and lower case: the later one of two replaces the earlier. */
function lowerCase(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function readHeaders(headers: Headers, env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : readHeader(value.env, env),
    ]),
  );
}

function readHeader(variable: string, env: NodeJS.ProcessEnv): string {
  const value = env[variable]?.trim() ?? '';
  if (value === '')
    throw new Error(`the variable ${variable}, which should hold a header of the load test, is not set`);
  if (!/^[\x20-\x7e]+$/.test(value))
    throw new Error(`the variable ${variable} holds characters that no header may have`);
  return value;
}

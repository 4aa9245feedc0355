import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Stack traces name the files of whoever recorded it: here they begin at the project's root. */
export function withoutPaths(json: string): string {
  return json.replaceAll(ROOT, '');
}

/** A history as JSON, with its payloads as text after it: they stand base64-encoded in there. */
export function readable(json: string): string {
  return [json, ...payloadsOf(json)].join('\n');
}

export function payloadsOf(json: string): string[] {
  return [...json.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString('utf8'),
  );
}

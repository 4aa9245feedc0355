/** A history as JSON, with its payloads as text after it: they stand base64-encoded in there. */
export function readable(json: string): string {
  return [json, ...payloadsOf(json)].join('\n');
}

export function payloadsOf(json: string): string[] {
  return [...json.matchAll(/"data":\s*"([A-Za-z0-9+/=]+)"/g)].map(([, data = '']) =>
    Buffer.from(data, 'base64').toString('utf8'),
  );
}

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

export type History = ReturnType<typeof historyFromJSON>;

/** The names of the recorded histories. */
export function recordedHistories(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

export function historyFile(name: string): string {
  return `${FOLDER}${name}.json`;
}

export function recordedHistory(name: string): History {
  return historyFromJSON(JSON.parse(readFileSync(historyFile(name), 'utf8')));
}

/** The id is the lock: under another one a replay would take the way of a refused deployment. */
export function workflowIdOf({ events }: History): string {
  return events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
}

/** Whether it was recorded while the deployment was under way. */
export function isOpen({ events }: History): boolean {
  const last = events?.at(-1);
  return !(
    last?.workflowExecutionCompletedEventAttributes ||
    last?.workflowExecutionFailedEventAttributes ||
    last?.workflowExecutionCanceledEventAttributes
  );
}

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

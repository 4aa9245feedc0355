import type { EvidenceLine } from '../domain/index.ts';
import type { Platform } from '../plugin/index.ts';
import { type RunContext, redact } from '../util/index.ts';
import { pollUntil } from './with-heartbeat.ts';

export const NO_STATUS_COMMAND = 'not possible: the runbook names no status command';
/** A platform may need a moment until what it accepted is in effect. */
const BETWEEN_ASKS_MS = 500;

/**
 * Reads the traffic shares until `version` has `percentage`, or until `until`. A platform without a status command
 * cannot be read back: the line says so, and the metrics are what is left.
 */
export async function readBack(
  platform: Platform,
  wanted: { readonly version: string; readonly percentage: number; readonly until: number },
  attendance: RunContext,
): Promise<{ readonly inEffect: boolean; readonly isPossible: boolean; readonly line: EvidenceLine }> {
  const { version, percentage, until } = wanted;
  const line = { what: 'traffic read back', required: `${version} ${percentage} %` };
  let measured = 'nothing';
  let isPossible = true;
  const inEffect = await pollUntil(until, BETWEEN_ASKS_MS, attendance.signal, async () => {
    try {
      const shares = await platform.readTraffic(attendance);
      isPossible = shares !== undefined;
      measured = shares ? inPercent(shares) : NO_STATUS_COMMAND;
      return !shares || (shares[version] ?? 0) === percentage ? true : undefined;
    } catch (error) {
      attendance.signal.throwIfAborted();
      measured = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  });
  return { inEffect: inEffect === true, isPossible, line: { ...line, measured } };
}

const MOST_SHOWN = 10;
const LONGEST_SHOWN = 60;

/** `2.4.0 50 %, 2.5.0 50 %`: fit for a history, whatever a platform calls its versions. */
export function inPercent(shares: Readonly<Record<string, number>>): string {
  return firstFew(
    Object.entries(shares).map(([version, percentage]) => `${short(version)} ${percentage} %`),
    ', ',
  );
}

/** The first of many. */
export function firstFew(names: readonly string[], separator: string): string {
  const more = names.length - MOST_SHOWN;
  return [...names.slice(0, MOST_SHOWN), ...(more > 0 ? [`${more} more`] : [])].join(separator);
}

/** A name that others gave, fit to be shown. */
export function short(text: string): string {
  const shown = redact(text);
  return shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}...` : shown;
}

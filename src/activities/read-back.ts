import type { Attendance, Platform } from '../platforms/platform.ts';
import type { EvidenceLine } from '../runbook/plan.ts';
import { askUntil } from './attendance.ts';

/** A platform may need a moment until what it accepted is in effect. */
const BETWEEN_ASKS_MS = 500;

/**
 * Reads the traffic shares until `version` has `percentage`, or until `until`. A platform without a status command
 * cannot be read back: the line says so, and the metrics are what is left.
 */
export async function readBack(
  platform: Platform,
  wanted: { readonly version: string; readonly percentage: number; readonly until: number },
  attendance: Attendance,
): Promise<{ readonly inEffect: boolean; readonly line: EvidenceLine }> {
  const { version, percentage, until } = wanted;
  const line = { what: 'traffic read back', required: `${version} ${percentage} %` };
  let measured = 'nothing';
  const inEffect = await askUntil(until, BETWEEN_ASKS_MS, attendance.signal, async () => {
    try {
      const shares = await platform.readTraffic(attendance);
      measured = shares ? inPercent(shares) : 'not possible: the runbook names no status command';
      return !shares || (shares[version] ?? 0) === percentage ? true : undefined;
    } catch (error) {
      attendance.signal.throwIfAborted();
      measured = error instanceof Error ? error.message : String(error);
      return undefined;
    }
  });
  return { inEffect: inEffect === true, line: { ...line, measured } };
}

/** `2.4.0 50 %, 2.5.0 50 %` */
export function inPercent(shares: Readonly<Record<string, number>>): string {
  return Object.entries(shares)
    .map(([version, percentage]) => `${version} ${percentage} %`)
    .join(', ');
}

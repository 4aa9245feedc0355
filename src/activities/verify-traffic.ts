import type { EvidenceLine } from '../domain/index.ts';
import type { Router } from '../plugin/index.ts';
import { messageOf, type RunContext, redact } from '../util/index.ts';
import { pollUntil } from './with-heartbeat.ts';

export const NOT_REPORTED = 'not possible: the router cannot report it';
/** A router may need a moment until what it accepted is in effect. */
const BETWEEN_ASKS_MS = 500;

/**
 * Reads the traffic shares until `version` has `percentage`, or until `until`. A router that cannot report them
 * cannot be read back: the line says so, and the metrics are what is left.
 */
export async function readBack(
  router: Router,
  wanted: { readonly version: string; readonly percentage: number; readonly until: number },
  run: RunContext,
): Promise<{ readonly inEffect: boolean; readonly isPossible: boolean; readonly line: EvidenceLine }> {
  const { version, percentage, until } = wanted;
  const line = { what: 'traffic read back', required: `${version} ${percentage} %` };
  let measured = 'nothing';
  let isPossible = true;
  const inEffect = await pollUntil(until, BETWEEN_ASKS_MS, run.signal, async () => {
    try {
      const shares = await router.readTraffic(run);
      isPossible = shares !== undefined;
      measured = shares ? inPercent(shares) : NOT_REPORTED;
      if (!shares || (shares[version] ?? 0) === percentage) return true;
    } catch (error) {
      run.signal.throwIfAborted();
      measured = messageOf(error);
    }
    const problem = `the router says: ${measured}`;
    run.heartbeat({ doing: `waiting until ${version} has ${percentage} % of the traffic`, problem });
    return undefined;
  });
  return { inEffect: inEffect === true, isPossible, line: { ...line, measured } };
}

const MOST_SHOWN = 10;
const LONGEST_SHOWN = 60;

/** `2.4.0 50 %, 2.5.0 50 %`: fit for a history, whatever a router calls its versions. */
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

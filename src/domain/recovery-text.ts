import { capitalized, outOf, roughly, sentence } from '../format/index.ts';
import type { BlueRecovered, GreenLeft, TrafficRestored } from './activity-results.ts';
import { schemaStays } from './forward-only.ts';
import type { DeploymentStatus } from './status.ts';

/** Proxies follow within seconds, and a drain is over by then. */
const FOLLOWED_MS = 15_000;
/** Fewer may be health checks. */
const LEAST_LEFT = 5;

/** What the router says, in a sentence without its capital: requests may still reach green until blue is proven. Pure. */
export function restoredWords({ readBack }: Pick<TrafficRestored, 'readBack'>): string {
  return readBack ? 'the router sends all traffic to blue' : 'all traffic was sent to blue, not read back';
}

/** What green still got, in a sentence without its capital; undefined where the metrics do not say that it got any. Pure. */
export function greenLeftWords(
  restored: Pick<TrafficRestored, 'greenLeft' | 'restoredAt'> | undefined,
): string | undefined {
  if (!restored?.greenLeft) return undefined;
  const { requests, all, ms, at } = restored.greenLeft;
  return `green still got ${outOf(requests, all)} in ${roughly(ms)}, ${roughly(at - restored.restoredAt)} after the router sent all traffic to blue`;
}

/** Whether green keeps so much that the proxies cannot have followed the router. Pure. */
export function isNotFollowed(
  { requests, all, at }: GreenLeft,
  { restoredAt, percentage }: { readonly restoredAt: number; readonly percentage: number },
): boolean {
  return at - restoredAt >= FOLLOWED_MS && requests >= LEAST_LEFT && requests > (all * percentage) / 200;
}

/** How blue stands at the end of a rollback, in a sentence: for the outcome, the report and every view. Pure. */
export function recoveryWords({ requests, accepted }: BlueRecovered): string {
  if (!accepted) return `Blue is proven healthy over ${requests} fresh requests.`;
  const { by, what } = accepted;
  return `Blue's health is unproven; accepted by ${by}: ${sentence(what)}`;
}

/** The outcome of a deployment, or of a rollback of its own, whose rollback is over. */
export function rolledBackWords(status: DeploymentStatus): string {
  const { service, version, plan, rollback } = status;
  const { reason = '', recoveryMs, recovered, restored } = rollback ?? {};
  const left = greenLeftWords(restored);
  const stays = schemaStays(status);
  return [
    `${service} ${version} was rolled back to ${plan?.target.blue}: ${sentence(reason)}`,
    ...(recoveryMs === undefined
      ? []
      : [`Recovery took ${seconds(recoveryMs)} (target ${seconds(plan?.recovery.targetMs ?? 0)}).`]),
    ...(recovered?.accepted ? [recoveryWords(recovered)] : []),
    ...(left === undefined ? [] : [`${capitalized(left)}, so it was not stopped.`]),
    ...(stays === undefined ? [] : [`${capitalized(stays)}.`]),
  ].join(' ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

import { capitalized, sentence } from '../format/index.ts';
import type { BlueRecovered, TrafficRestored } from './activity-results.ts';
import { schemaStays } from './forward-only.ts';
import type { DeploymentStatus } from './status.ts';

/** What the router says, in a sentence without its capital: requests may still reach green until blue is proven. Pure. */
export function restoredWords({ readBack }: Pick<TrafficRestored, 'readBack'>): string {
  return readBack ? 'the router sends all traffic to blue' : 'all traffic was sent to blue, not read back';
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
  const { reason = '', recoveryMs, recovered } = rollback ?? {};
  const stays = schemaStays(status);
  return [
    `${service} ${version} was rolled back to ${plan?.target.blue}: ${sentence(reason)}`,
    ...(recoveryMs === undefined
      ? []
      : [`Recovery took ${seconds(recoveryMs)} (target ${seconds(plan?.recovery.targetMs ?? 0)}).`]),
    ...(recovered?.accepted ? [recoveryWords(recovered)] : []),
    ...(stays === undefined ? [] : [`${capitalized(stays)}.`]),
  ].join(' ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

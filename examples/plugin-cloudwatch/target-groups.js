import { metricsUnavailable } from 'bluegreen/plugin';

/**
 * The target group of each version: a load balancer knows no versions, only the slots that take turns.
 * @param {((signal: AbortSignal) => Promise<Record<string, string> | undefined>) | undefined} slots the slot of each version
 * @param {Readonly<Record<string, string>>} targetGroups by slot
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, string>>}
 * @throws ApplicationFailure `MetricsUnavailable` where a version has no target group of its own.
 */
export async function groupsByVersion(slots, targetGroups, signal) {
  const slotOf = Object.entries((await slots?.(signal)) ?? {});
  if (slotOf.length === 0)
    throw metricsUnavailable(
      'nobody says which version runs in which slot, so metrics.targetGroups has no meaning: let the status of the ' +
        'router print "slots", such as {"slots": {"2.4.0": "shop-blue", "2.5.0": "shop-green"}}',
    );
  const groups = new Map();
  for (const [version, slot] of slotOf) {
    const group = Object.hasOwn(targetGroups, slot) ? targetGroups[slot] : undefined;
    if (group === undefined)
      throw metricsUnavailable(
        `metrics.targetGroups has no slot ${slot}, in which ${version} runs: it has ${Object.keys(targetGroups).join(', ')}`,
      );
    const [other] = [...groups].find(([, taken]) => taken === group) ?? [];
    if (other !== undefined)
      throw metricsUnavailable(`${other} and ${version} have the same target group: it has one count for both`);
    groups.set(version, group);
  }
  return groups;
}

import { metricsUnavailable } from 'bluegreen/plugin';

/**
 * The target group of each version that is compared: a load balancer knows no versions, only the slots that take turns.
 * Green has none before it is deployed.
 * @param {{ slots?: (signal: AbortSignal) => Promise<Record<string, string> | undefined>,
 *   compared?: { blue: string, green: string } }} context the slot of each version, from the router
 * @param {Readonly<Record<string, string>>} targetGroups by slot
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, string>>}
 * @throws ApplicationFailure `MetricsUnavailable` where a version has no target group of its own.
 */
export async function groupsByVersion({ slots, compared }, targetGroups, signal) {
  const groups = new Map();
  for (const [version, slot] of Object.entries(await readSlots(slots, signal))) {
    if (compared && version !== compared.blue && version !== compared.green) continue;
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
  if (compared && !groups.has(compared.blue))
    throw metricsUnavailable(`the status of the router does not say in which slot ${compared.blue} runs`);
  return groups;
}

async function readSlots(slots, signal) {
  const found = await slots?.(signal);
  if (found && Object.keys(found).length > 0) return found;
  throw metricsUnavailable(
    'nobody says which version runs in which slot, so metrics.targetGroups has no meaning: let the status of the ' +
      'router print "slots", such as {"slots": {"2.4.0": "shop-blue", "2.5.0": "shop-green"}}',
  );
}

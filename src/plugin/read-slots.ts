import { metricsUnavailable } from './failures.ts';
import type { MetricsContext } from './kinds.ts';
import type { Router, Slots } from './router.ts';

const EXAMPLE = '{"traffic": {"2.4.0": 100, "2.5.0": 0}, "slots": {"2.4.0": "shop-a", "2.5.0": "shop-b"}}';

/**
 * The slots of blue and green, as the router says. Of two slots, green has the one that blue does not have.
 * @throws ApplicationFailure `MetricsUnavailable` if one of them is not known, or both have the same.
 */
export async function readSlots(
  router: Router,
  { blue, green: compared, apart: green = compared }: NonNullable<MetricsContext['compared']>,
  { greenIsUp, signal }: { readonly greenIsUp: boolean; readonly signal: AbortSignal },
): Promise<Slots> {
  const slots = await router.readSlots?.({ signal, heartbeat() {} });
  if (!slots)
    throw metricsUnavailable(
      `metrics are counted by slot, and the router does not say which version runs in which: let router.status print ${EXAMPLE}`,
    );
  const own = slots[blue];
  if (own === undefined) throw metricsUnavailable(unknown(blue, slots));
  const others = [...new Set(Object.values(slots))].filter((slot) => slot !== own);
  const greens = slots[green] ?? (others.length === 1 ? others[0] : undefined);
  if (greens === own && green !== blue)
    throw metricsUnavailable(`the router says that ${blue} and ${green} both run in the slot ${JSON.stringify(own)}`);
  if (greens === undefined && greenIsUp) throw metricsUnavailable(unknown(green, slots));
  return { [blue]: own, ...(greens !== undefined && { [green]: greens }) };
}

function unknown(version: string, slots: Slots): string {
  return `the router does not say in which slot ${version} runs, only ${JSON.stringify(slots)}: let router.status print ${EXAMPLE}`;
}

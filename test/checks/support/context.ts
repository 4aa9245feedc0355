import type { CheckContext } from '../../../src/plugin/check.ts';
import { readSlots } from '../../../src/plugin/read-slots.ts';
import type { Runbook } from '../../../src/runbook/schema.ts';
import { toLimits } from '../../../src/runbook/to-plan.ts';
import { guide } from '../../runbook/support.ts';
import { registry } from '../../support/registry.ts';

/** What the activity gives to a check; remembers the heartbeats. */
export function contextFor(
  url = '',
  signal = new AbortController().signal,
): CheckContext & { readonly heartbeats: unknown[] } {
  const heartbeats: unknown[] = [];
  const context: Given = {
    target: {
      service: 'recommendation',
      environment: 'production',
      blue: '2.4.0',
      green: '2.5.0',
      deployment: 'test/run',
      digest: '0'.repeat(64),
    },
    operation: { id: 'blue-green/production/recommendation/run-1/check', attempt: 1 },
    run: { signal, heartbeat: (detail) => void heartbeats.push(detail) },
    env: {},
    greenIsUp: false,
    databaseUrl: () => url,
  };
  return { ...withRunbook(context, guide()), heartbeats };
}

type Given = Omit<CheckContext, 'runbook' | 'workload' | 'router' | 'metrics' | 'notifiers'>;

/** The same for another runbook: with what it names. */
export function withRunbook<G extends Given>(context: G, runbook: Runbook): G & CheckContext {
  const { target, env, greenIsUp } = context;
  const kind = { target, env, log: { info() {}, warn() {}, error() {} }, runbook };
  return {
    ...context,
    runbook,
    workload: registry.workload(runbook.workload, kind),
    router: registry.router(runbook.router, kind),
    metrics: registry.metrics(runbook.metrics, {
      ...kind,
      limits: toLimits(runbook.limits),
      compared: target,
      slots: (signal) => readSlots(registry.router(runbook.router, kind), target, { greenIsUp, signal }),
    }),
    notifiers: registry.notifiers(runbook.notifications, kind),
  };
}

export const common = { id: 'item', title: 'Item', group: 'Group', critical: true, timeout: 300_000 };

/** Waits for something that is sure to come, by asking; the test's own time-out bounds it. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

import type { CheckContext } from '../../../src/plugin/check.ts';
import { guide } from '../../runbook/support.ts';

/** What the activity gives to a check; remembers the heartbeats. */
export function contextFor(
  url = '',
  signal = new AbortController().signal,
): CheckContext & { readonly heartbeats: unknown[] } {
  const heartbeats: unknown[] = [];
  return {
    target: {
      service: 'recommendation',
      environment: 'production',
      blue: '2.4.0',
      green: '2.5.0',
      deployment: 'test/run',
      digest: '0'.repeat(64),
    },
    operation: { id: 'blue-green/production/recommendation/run-1/check', attempt: 1 },
    attendance: { signal, heartbeat: (detail) => void heartbeats.push(detail) },
    runbook: guide(),
    env: {},
    greenIsUp: false,
    databaseUrl: () => url,
    heartbeats,
  };
}

export const common = { id: 'item', title: 'Item', group: 'Group', critical: true, timeout: 300_000 };

/** Waits for something that is sure to come, by asking; the test's own time-out bounds it. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

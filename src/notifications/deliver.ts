import { ApplicationFailure } from '@temporalio/common';
import { FAILURE, type Notification } from '../domain/index.ts';
import type { Logger, NamedNotifier } from '../plugin/index.ts';

const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

interface Delivery {
  readonly notifiers: readonly NamedNotifier[];
  /** The notifiers, by index, that have delivered this notification: they are passed over. Grows with each that does. */
  readonly delivered: Set<number>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Notifies people. The log comes first, then all notifiers at the same time, so that one that fails does not delay the rest.
 * @throws ApplicationFailure `NotificationFailed` that names each notifier that did not deliver it, and why.
 */
export async function deliver(
  notification: Notification,
  { notifiers, delivered, log, signal }: Delivery,
): Promise<void> {
  const { severity, text } = notification;
  log[LEVEL[severity]](text);
  const results = await Promise.allSettled(
    notifiers.map(async (notifier, index) => {
      if (delivered.has(index)) return;
      await notifier.notify(notification, signal);
      delivered.add(index);
    }),
  );
  const problems = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${notifiers[index]?.name}: ${messageOf(result.reason)}`] : [],
  );
  if (problems.length > 0) throw ApplicationFailure.retryable(problems.join('; '), FAILURE.NotificationFailed);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

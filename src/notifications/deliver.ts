import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import type { Logger, NamedNotifier, NotificationMessage } from '../plugin/index.ts';

const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

interface Delivery {
  readonly notifiers: readonly NamedNotifier[];
  /** The notifiers, by index, that have delivered this notification: they are passed over. Grows with each that does. */
  readonly delivered: Set<number>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Notifies people. The log comes first, then at the same time all notifiers that get this event, so that one that fails does not
 * delay the rest.
 * @throws ApplicationFailure `NotificationFailed` that names each notifier that did not deliver it, and why.
 */
export async function deliver(
  message: NotificationMessage,
  { notifiers, delivered, log, signal }: Delivery,
): Promise<void> {
  const { event, severity, text } = message;
  log[LEVEL[severity]](text);
  const results = await Promise.allSettled(
    notifiers.map(async (notifier, index) => {
      if (delivered.has(index)) return;
      if (event !== undefined && notifier.events?.includes(event) === false) return;
      await notifier.notify(message, signal);
      delivered.add(index);
    }),
  );
  const problems = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${notifiers[index]?.name}: ${reasonOf(result.reason)}`] : [],
  );
  if (problems.length > 0) throw ApplicationFailure.retryable(problems.join('; '), FAILURE.NotificationFailed);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

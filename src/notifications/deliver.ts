import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import { type Logger, type NamedNotifier, type NotificationMessage, RetryLater } from '../plugin/index.ts';
import { messageOf } from '../util/index.ts';

const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

/** How far the delivery of one notification is, by the place of the notifier in the runbook. Plain JSON, for heartbeats. */
export interface DeliveryProgress {
  /** The notifiers that have delivered it: they are passed over. */
  readonly delivered: number[];
  /** The references that notifiers keep. */
  readonly references: Record<number, string>;
  /** Notifiers that are not to be asked before this time, epoch milliseconds. */
  readonly retryAt: Record<number, number>;
}

interface Delivery {
  readonly notifiers: readonly NamedNotifier[];
  /** Changes as notifiers deliver. */
  readonly progress: DeliveryProgress;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Notifies people. The log comes first, then at the same time all notifiers that get this event, so that one that fails does not
 * delay the rest.
 * @throws ApplicationFailure `NotificationFailed` that names each notifier that did not deliver it, and why; its details are the
 * references.
 */
export async function deliver(
  message: Omit<NotificationMessage, 'reference' | 'keepReference'>,
  { notifiers, progress, log, signal }: Delivery,
): Promise<void> {
  const { event, severity, text } = message;
  const { delivered, references, retryAt } = progress;
  log[LEVEL[severity]](text);

  const deliverBy = async (notifier: NamedNotifier, index: number): Promise<void> => {
    if (delivered.includes(index)) return;
    if (event !== undefined && notifier.events?.includes(event) === false) return;
    const waitMs = (retryAt[index] ?? 0) - Date.now();
    if (waitMs > 0)
      throw new Error(`it is asked too often, and wants to be asked again in ${Math.ceil(waitMs / 1_000)} s`);
    const reference = references[index];
    const keepReference = (kept: string): void => {
      references[index] = kept;
    };
    try {
      await notifier.notify({ ...message, keepReference, ...(reference !== undefined && { reference }) }, signal);
      delivered.push(index);
    } catch (error) {
      if (error instanceof RetryLater) retryAt[index] = Date.now() + error.retryAfterMs;
      throw error;
    }
  };

  const results = await Promise.allSettled(notifiers.map(deliverBy));
  const problems = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${notifiers[index]?.name}: ${messageOf(result.reason)}`] : [],
  );
  if (problems.length > 0)
    throw ApplicationFailure.retryable(problems.join('; '), FAILURE.NotificationFailed, references);
}

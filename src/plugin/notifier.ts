import type { Notification } from '../domain/index.ts';
import type { Problem } from './observation.ts';

/** What people are notified of. */
export interface NotificationMessage extends Notification {
  /**
   * The idempotency key: the same in each attempt to deliver this notification, and in no other one. Receivers tell a repeated
   * delivery by it.
   */
  readonly key: string;
  /** What people are asked to run, such as `bluegreen approve --service shop`; missing if nothing is asked. */
  readonly command?: string;
  /** The deployment in Temporal's UI; missing if the worker does not know the address of the UI. */
  readonly link?: string;
  /** What this channel kept for this deployment, such as the id of a thread; missing before it kept anything. */
  readonly reference?: string;
  /** Keeps a reference for the next attempt, and for later notifications of this deployment. Best effort: it may be lost. */
  keepReference(reference: string): void;
}

/** The port through which people are notified. */
export interface Notifier {
  /**
   * Rejects when it was not delivered, and says why, without any secret; with {@link RetryLater} if the receiver says when to try
   * again. May be called again for the same notification.
   */
  notify(message: NotificationMessage, signal: AbortSignal): Promise<void>;
  /** Why it cannot deliver anything on this worker, such as a variable that is not set; empty if it can. Sends nothing. */
  preflight?(): Promise<readonly Problem[]>;
}

/** The receiver does not want to be asked again for so long. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

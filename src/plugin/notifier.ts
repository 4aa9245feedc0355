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
}

/** The port through which people are notified. */
export interface Notifier {
  /** Rejects when it was not delivered, and says why, without any secret. May be called again for the same notification. */
  notify(message: NotificationMessage, signal: AbortSignal): Promise<void>;
  /** Why it cannot deliver anything on this worker, such as a variable that is not set; empty if it can. Sends nothing. */
  preflight?(): Promise<readonly Problem[]>;
}

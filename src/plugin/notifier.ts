import type { Notification } from '../domain/index.ts';
import type { Problem } from './observation.ts';

/** The port through which people are notified. */
export interface Notifier {
  /** Rejects when it was not delivered, and says why, without any secret. May be called again for the same notification. */
  notify(notification: Notification, signal: AbortSignal): Promise<void>;
  /** Why it cannot deliver anything on this worker, such as a variable that is not set; empty if it can. Sends nothing. */
  preflight?(): Promise<readonly Problem[]>;
}

import type { NotificationEvent } from './notification-events.ts';
import type { DeploymentTarget } from './plan.ts';

export interface Notification {
  readonly target: DeploymentTarget;
  /** Missing from deployments that began before events had names; so are the next two. */
  readonly event?: NotificationEvent;
  /** When it happened, epoch milliseconds. */
  readonly at?: number;
  /** Green's share of the traffic then, 0 to 100. */
  readonly greenPercentage?: number;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly text: string;
}

/** What channels keep for a deployment, such as the id of a thread, by their place in the runbook. */
export type NotificationReferences = Readonly<Record<number, string>>;

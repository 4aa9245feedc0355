import type { NotificationEvent } from './notification-events.ts';
import type { DeploymentTarget } from './plan.ts';

export interface Notification {
  readonly target: DeploymentTarget;
  /** Missing from deployments that began before events had names. */
  readonly event?: NotificationEvent;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly text: string;
}

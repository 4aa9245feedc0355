import type { DeploymentTarget } from './plan.ts';

/** What people can be notified of. */
const NOTIFICATION_EVENTS = [
  'started',
  'check-waits',
  'forward-only',
  'shifted',
  'extended',
  'undecided',
  'traffic-moved',
  'held',
  'gate-opened',
  'reminder',
  'approved',
  'rejected',
  'rolling-back',
  'rolled-back',
  'rollback-stalled',
  'completed',
] as const;

export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

export interface Notification {
  readonly target: DeploymentTarget;
  /** Missing from deployments that began before events had names. */
  readonly event?: NotificationEvent;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly text: string;
}

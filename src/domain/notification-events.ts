/** What people can be notified of. */
export const NOTIFICATION_EVENTS = [
  'started',
  'check-waits',
  'forward-only',
  'shifted',
  'extended',
  'undecided',
  'unwatched',
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
  'refused',
] as const;

export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** Sent in every deployment. The others are sent if a channel of the runbook asks for them. */
export const DEFAULT_EVENTS = [
  'forward-only',
  'extended',
  'undecided',
  'unwatched',
  'traffic-moved',
  'held',
  'gate-opened',
  'reminder',
  'rolling-back',
  'rolled-back',
  'rollback-stalled',
] as const satisfies readonly NotificationEvent[];

/** Whether a deployment sends notifications of this event. `asked` are the events that its channels ask for. */
export function isSent(event: NotificationEvent, asked: readonly NotificationEvent[] = []): boolean {
  return [...DEFAULT_EVENTS, ...asked].includes(event);
}

import type { NotificationEvent } from '../domain/index.ts';
import type { NotificationMessage } from '../plugin/index.ts';

const STATE: Record<NotificationEvent, string> = {
  started: 'deploying',
  'check-waits': 'a check waits for people',
  'forward-only': 'has forward-only migrations',
  shifted: 'watched',
  extended: 'soak extended',
  undecided: 'cannot be judged',
  unwatched: 'was not watched for a while',
  'traffic-moved': 'traffic was moved by somebody else',
  held: 'held',
  'gate-opened': 'waits for approval',
  reminder: 'waits for approval',
  approved: 'approved',
  rejected: 'rejected',
  'rolling-back': 'rolling back',
  'rolled-back': 'rolled back',
  'rollback-stalled': 'rollback stalled',
  completed: 'completed',
  refused: 'not deployed',
};

/** Events in which green's share of the traffic says something. */
const WITH_SHARE: readonly NotificationEvent[] = [
  'shifted',
  'extended',
  'undecided',
  'held',
  'gate-opened',
  'reminder',
  'approved',
];

/** The deployment and its state in a line: `recommendation 2.5.0 in production: waits for approval, 50 % of the traffic`. */
export function headline({ event, target, greenPercentage }: NotificationMessage): string {
  const { service, environment, green } = target;
  const deployment = `${service} ${green} in ${environment}`;
  if (event === undefined) return deployment;
  const share =
    greenPercentage !== undefined && WITH_SHARE.includes(event) ? `, ${greenPercentage} % of the traffic` : '';
  return `${deployment}: ${STATE[event]}${share}`;
}

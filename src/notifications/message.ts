import {
  DEFAULT_ENVIRONMENT,
  type DeploymentTarget,
  type Notification,
  type NotificationEvent,
} from '../domain/index.ts';
import type { NotificationMessage } from '../plugin/index.ts';
import { workflowPage } from '../temporal/index.ts';

/** A notification with what a receiver needs: its key, the command that is asked for, the link. */
export function toMessage(
  notification: Notification,
  given: { readonly key: string; readonly namespace: string; readonly env: NodeJS.ProcessEnv },
): Omit<NotificationMessage, 'reference' | 'keepReference'> {
  const { key, namespace, env } = given;
  const { event, target } = notification;
  const command = event && commandOf(event, target);
  const ui = env['TEMPORAL_UI_ADDRESS'];
  return {
    ...notification,
    key,
    ...(command !== undefined && { command }),
    ...(ui && { link: workflowPage(ui, { namespace, ...runOf(target) }) }),
  };
}

const ASKED: Partial<Record<NotificationEvent, string>> = {
  'check-waits': 'status',
  extended: 'status',
  undecided: 'abort',
  unwatched: 'status',
  'traffic-moved': 'status',
  held: 'status',
  'gate-opened': 'approve',
  reminder: 'approve',
  'rolling-back': 'watch',
  'rollback-stalled': 'retry-rollback',
};

function commandOf(event: NotificationEvent, { service, environment }: DeploymentTarget): string | undefined {
  const command = ASKED[event];
  if (command === undefined) return undefined;
  const where = environment === DEFAULT_ENVIRONMENT ? '' : ` --environment ${environment}`;
  return `bluegreen ${command} --service ${service}${where}`;
}

/** `<workflow id>/<run id>`; a workflow id has slashes, too. */
function runOf({ deployment }: DeploymentTarget): { readonly workflowId: string; readonly runId: string } {
  const end = deployment.lastIndexOf('/');
  return { workflowId: deployment.slice(0, end), runId: deployment.slice(end + 1) };
}

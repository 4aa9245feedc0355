import { CancellationScope, log } from '@temporalio/workflow';
import {
  type Decision,
  isApproved,
  isSent,
  type Notification,
  type NotificationEvent,
  type NotificationReferences,
  notificationGivenUp,
  openGate,
  rollbackPromise,
  type TrafficStep,
  type UndecidedStatus,
  type WindowResult,
} from '../domain/index.ts';
import { dateTime, duration, roughly, sentence } from '../format/index.ts';
import { work } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { errorMessage, lastAnswer } from './failures.ts';
import { aboutDeployment } from './log.ts';

/** Bound of one attempt to tell people. Nothing waits for it but the end of a rollback, which would cut it off. */
const TELL_MS = 15_000;

/**
 * Notifies people, if events of this kind are sent. Neither a failure nor a cancellation of the deployment prevents it, and it
 * delays neither: what could not be delivered is kept in the state. Never rejects.
 */
export async function notify(
  deployment: Deployment,
  event: NotificationEvent,
  severity: Notification['severity'],
  text: string,
): Promise<void> {
  const { target, notificationEvents } = deployment.plan();
  if (!isSent(event, notificationEvents)) return;
  const { greenPercentage, notificationReferences: references } = deployment.status();
  const at = Date.now();
  // Deployments that began before events had names send what they sent then.
  const named = notificationEvents && { event, at, greenPercentage, ...(references && { references }) };
  try {
    const kept = await CancellationScope.nonCancellable(() =>
      work(`notify: ${severity}`, TELL_MS, TELL_MS).notify({ target, ...named, severity, text }),
    );
    if (kept) keepReferences(deployment, kept.references);
  } catch (error) {
    keepReferences(deployment, referencesIn(error));
    const problem = errorMessage(error);
    log.error('a notification could not be delivered', {
      ...aboutDeployment(deployment.status()),
      text,
      problem,
    });
    deployment.change((status) => notificationGivenUp(status, { at, severity, text, problem }));
  }
}

function keepReferences(deployment: Deployment, references: NotificationReferences): void {
  const { notificationReferences: before = {} } = deployment.status();
  const all = { ...before, ...references };
  if (Object.keys(all).length > 0) deployment.change((status) => ({ ...status, notificationReferences: all }));
}

/** One channel failed; what the others keep is in the details of the failure. */
function referencesIn(error: unknown): NotificationReferences {
  const [references] = lastAnswer(error)?.details ?? [];
  return (references ?? {}) as NotificationReferences;
}

export function notifyOfStart(deployment: Deployment): void {
  const { service, version, environment, requestedBy, reason } = deployment.status();
  const by = requestedBy === undefined ? '' : `, requested by ${requestedBy}`;
  const why = reason === undefined ? '.' : `: ${sentence(reason)}`;
  void notify(deployment, 'started', 'info', `Deploying ${service} ${version} to ${environment}${by}${why}`);
}

/** Critical where green still gets requests: it is not over for those who send them. */
export async function notifyOfRolledBack(deployment: Deployment, outcome: string): Promise<void> {
  const isLeft = deployment.status().rollback?.restored?.greenLeft !== undefined;
  await notify(deployment, 'rolled-back', isLeft ? 'critical' : 'warning', outcome);
}

/** Call it when nothing was deployed. Without a plan there is nothing to say who is to be notified. */
export async function notifyOfRefusal(deployment: Deployment, outcome: string): Promise<void> {
  const { service, version, environment, plan } = deployment.status();
  if (plan) await notify(deployment, 'refused', 'warning', `${service} ${version} in ${environment}: ${outcome}`);
}

export function notifyOfShift(deployment: Deployment, { percentage, soakMs }: TrafficStep): void {
  const { service, version, environment } = deployment.status();
  const text = `${service} ${version} has ${percentage} % of the traffic in ${environment} and is watched for ${duration(soakMs)}.`;
  void notify(deployment, 'shifted', 'info', text);
}

/** Notifies people that nobody watches green, while there is still time to end the cause of it. */
export function notifyOfFailedWatch(
  deployment: Deployment,
  { percentage }: TrafficStep,
  { reason, until }: UndecidedStatus,
): void {
  const { service, version, environment } = deployment.status();
  void notify(
    deployment,
    'unwatched',
    'warning',
    `${service} ${version} in ${environment} has ${percentage} % of the traffic and nobody can watch it: ${sentence(reason)} Workers go on trying until ${dateTime(until)}. Without success it is rolled back then; abort does it now.`,
  );
}

/** Notifies people of the time in which no worker watched green, and of what the metrics of that time say. */
export function notifyOfUnwatched(
  deployment: Deployment,
  { percentage }: TrafficStep,
  unwatchedMs: number,
  { verdict, reason }: WindowResult,
): void {
  const { service, version, environment } = deployment.status();
  void notify(
    deployment,
    'unwatched',
    'warning',
    `${service} ${version} in ${environment} had ${percentage} % of the traffic for ${roughly(unwatchedMs)} in which no worker watched it. The metrics of that time are read now: ${verdict}, ${sentence(reason)}`,
  );
}

/**
 * Notifies people that a rollback will not undo everything, if so and if it differs from what was `announced` before: before
 * green is deployed, and again before the first shift if more was found since. Returns what was announced.
 */
export function notifyOfForwardOnly(deployment: Deployment, announced?: string): string | undefined {
  const { service, version, environment } = deployment.status();
  const promise = rollbackPromise(deployment.status());
  if (promise !== undefined && promise !== announced)
    void notify(
      deployment,
      'forward-only',
      'warning',
      `${service} ${version} in ${environment} has forward-only migrations. ${promise}.`,
    );
  return promise;
}

/** Notifies people of an approval or a rejection that counts; call it after the decision was taken. */
export function notifyOfDecision(deployment: Deployment, { action, by, reason }: Decision): void {
  // Without a plan there is nothing to say who is to be notified.
  if (!deployment.status().plan || (action !== 'approve' && action !== 'reject')) return;
  const { service, version, environment } = deployment.status();
  const gate = openGate(deployment.status());
  const which = gate ? `${gate.id} of ` : action === 'approve' ? 'the next shift of ' : '';
  const what = `${by} ${action === 'approve' ? 'approved' : 'rejected'} ${which}${service} ${version} in ${environment}`;
  const said = `${what}${reason === undefined ? '.' : `: ${sentence(reason)}`}`;
  if (action === 'reject') return void notify(deployment, 'rejected', 'warning', `${said} It is rolled back.`);
  const missing = gate ? gate.required - gate.approvedBy.length : 0;
  const next = isApproved(gate) ? 'Every approval is there.' : `Still needed: ${missing}.`;
  void notify(deployment, 'approved', 'info', `${said} ${next}`);
}

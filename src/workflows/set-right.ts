import {
  currentStep,
  type MovedStatus,
  type TrafficStep,
  trafficSetRight,
  type WindowResult,
} from '../domain/index.ts';
import { workForSure } from './activity-proxy.ts';
import type { Deployment } from './deployment.ts';
import { notify } from './notify.ts';

/** Somebody who sets the traffic back so often does it on purpose, or is a tool that will go on. */
const OFTEN = 3;
/** People are notified again of every so many. */
const REMINDER = 10;

/**
 * Call it with every window. Traffic that somebody else moved is shifted back to the step's share, as often as it takes: what is
 * judged is this share. People are notified once, and again when it does not stop. A shift that fails ends in the rollback.
 */
export async function setTrafficRight(
  deployment: Deployment,
  { percentage }: TrafficStep,
  window: WindowResult,
): Promise<void> {
  const moved = currentStep(deployment.status())?.moved;
  if (!window.moved || !moved) return;
  const { times } = moved;
  if (times === 1 || times === OFTEN || times % REMINDER === 0)
    void notify(
      deployment,
      'traffic-moved',
      times < OFTEN ? 'warning' : 'critical',
      movedWords(deployment, percentage, moved),
    );
  const { target, shift } = deployment.plan();
  await workForSure(`shift to ${percentage} % again`, shift.timeoutMs).shiftTraffic({
    target,
    percentage,
    ...shift,
    again: times,
  });
  deployment.change(trafficSetRight);
}

function movedWords(deployment: Deployment, percentage: number, { times, found, by }: MovedStatus): string {
  const { service, version, environment } = deployment.status();
  return [
    `Somebody else moved the traffic of ${service} in ${environment} while ${version} had ${percentage} %: found ${found}.`,
    `It is set to ${percentage} % again.`,
    by === undefined ? 'The router does not say who it was.' : `${by}.`,
    ...(times < OFTEN ? [] : [`It has happened ${times} times in this step: stop it, or abort the deployment.`]),
  ].join(' ');
}

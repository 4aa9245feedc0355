import {
  currentStep,
  type TrafficStep,
  type UndecidedStatus,
  undecidedBegun,
  undecidedEnded,
  type WindowResult,
} from '../domain/index.ts';
import { dateTime, duration } from '../format/index.ts';
import type { Deployment } from './deployment.ts';
import { RollbackRequired } from './failures.ts';
import { notify } from './notify.ts';

/** What plans that say nothing of it do: those of deployments that began before it was a key. */
const WAIT = { action: 'wait', timeoutMs: 3_600_000 } as const;

/**
 * Call it with every window. Without metrics, or with blue itself over its limits, nobody can say whether a rollback would
 * help: once the judge's budget for that is spent it is rolled back, or a person is called and waited for, as the runbook says.
 *
 * @throws MustRollBack when the runbook wants that, or when nobody decided in time.
 */
export function mindUndecided(deployment: Deployment, step: TrafficStep, window: WindowResult): void {
  const undecided = undecidedOf(deployment);
  if (isEvidence(window)) {
    if (undecided) deployment.change(undecidedEnded);
    return;
  }
  const { action, timeoutMs } = deployment.plan().watch.undecided ?? WAIT;
  if (undecided && Date.now() >= undecided.until)
    throw new RollbackRequired(
      'inconclusive',
      `Nobody decided within ${duration(timeoutMs)}: ${window.reason}`,
      Date.now(),
    );
  if (!window.exhausted) return;
  if (action === 'rollback')
    throw new RollbackRequired(
      'inconclusive',
      `${window.reason}. The runbook rolls back then (judge.onUndecided: rollback)`,
      window.to,
    );
  awaitDecision(deployment, step, window);
}

/** Begins the wait for a person, where none is under way and it is blind or on hold; tells people. */
export function awaitDecision(deployment: Deployment, { percentage }: TrafficStep, window: WindowResult): void {
  const { action, timeoutMs } = deployment.plan().watch.undecided ?? WAIT;
  if (action === 'rollback' || !isUndecided(window) || undecidedOf(deployment)) return;
  const { reason } = window;
  deployment.change((status, at) => undecidedBegun(status, { reason, since: at, until: at + timeoutMs }));
  const { service, version, environment } = deployment.status();
  const until = dateTime(Date.now() + timeoutMs);
  void notify(
    deployment,
    'undecided',
    'critical',
    `${service} ${version} in ${environment} has ${percentage} % of the traffic and cannot be judged: ${reason}. abort rolls back; it goes on by itself as soon as the evidence is back; if nobody decides until ${until}, it is rolled back.`,
  );
}

/** When a soak without proof ends: the time in which nobody could judge is not taken from it. */
export function soakLimitOf(deployment: Deployment, limit: number): number {
  const { undecided, undecidedMs = 0 } = currentStep(deployment.status()) ?? {};
  return Math.max(limit + undecidedMs, undecided?.until ?? 0);
}

/** The window in which the wait for a person ends closes then. */
export function untilDecided(deployment: Deployment, until: number): number {
  return Math.min(until, undecidedOf(deployment)?.until ?? until);
}

function undecidedOf(deployment: Deployment): UndecidedStatus | undefined {
  return currentStep(deployment.status())?.undecided;
}

function isUndecided({ code, exhausted }: WindowResult): boolean {
  return code === 'blue-unhealthy' || code === 'no-metrics' || exhausted === true;
}

/** A window that no worker closed gives no reason: it is no evidence either, and ends no wait. */
function isEvidence(window: WindowResult): boolean {
  return window.verdict !== 'inconclusive' || (window.code !== undefined && !isUndecided(window));
}

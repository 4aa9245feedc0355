import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import {
  type Activities,
  type DeploymentRequest,
  type DeploymentTarget,
  FAILURE,
  type Freeze,
  freezesEnd,
  freezeWords,
  refuseToOverride,
} from '../domain/index.ts';
import { freezesAt } from '../freezes/index.ts';
import { freezeRules, type Runbook } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

/** How soon the end of a freeze is noticed that somebody has to end. */
const ASK_AGAIN_MS = 15_000;
/** A window of the runbook ends when it ends; whether the line was stopped meanwhile is seen so often. */
const ASK_AGAIN_IN_WINDOW_MS = 300_000;

type Means = Pick<Dependencies, 'stoppedLine'>;

interface Whole extends Pick<DeploymentTarget, 'service' | 'environment'> {
  /** The ids of freezes that do not count. */
  readonly overridden?: readonly string[];
}

/** What is frozen now for this service and environment. @throws Error, retryable, when Temporal does not say whether the line is stopped. */
export async function freezesNow(
  { stoppedLine }: Means,
  runbook: Runbook,
  { service, environment, overridden = [] }: Whole,
): Promise<readonly Freeze[]> {
  const windows = freezesAt(runbook.freezes ?? [], Date.now()).map((window) => ({
    id: `runbook/${window.name}`,
    ...window,
  }));
  const stopped = (await stoppedLine?.({ service, environment })) ?? [];
  return [...stopped, ...windows].filter(({ id }) => !overridden.includes(id));
}

/** Why a request is refused while these hold, by what the runbook says; nothing if it may wait, or override them. */
export function refusedByFreezes(
  runbook: Runbook,
  freezes: readonly Freeze[],
  { checklistOnly, overrideFreeze, requestedBy = '(nobody: requestedBy is missing)' }: DeploymentRequest,
): string | undefined {
  if (freezes.length === 0 || checklistOnly) return undefined;
  const { start, override } = freezeRules(runbook);
  const held = freezes.map(freezeWords).join('; ');
  if (overrideFreeze !== undefined) {
    const why = refuseToOverride(override, requestedBy);
    return why === undefined ? undefined : `Not started in ${held}: ${why}.`;
  }
  if (start === 'wait') return undefined;
  const who =
    override.length === 0 ? '' : `; or ${override.join(' or ')} starts it with a reason to override the freeze`;
  return `Not started in ${held}. The runbook refuses that (onFreeze.start: refuse): start it when the freeze has ended${who}.`;
}

/** What a shift in a freeze fails with: the workflow waits for their end. */
export function frozen(freezes: readonly Freeze[]): ApplicationFailure {
  return ApplicationFailure.create({
    message: `No traffic was shifted in ${freezes.map(freezeWords).join('; ')}.`,
    type: FAILURE.Frozen,
    nonRetryable: true,
    details: [freezes],
  });
}

/** Between two attempts no worker has anything to do with it, and the attempts are not in the history. */
export function awaitThaw(dependencies: Dependencies): Activities['awaitThaw'] {
  return ({ target, known, overriddenFreezes }) =>
    withHeartbeat(async () => {
      const runbook = await dependencies.runbooks.pinned(target);
      const freezes = await freezesNow(dependencies, runbook, { ...target, overridden: overriddenFreezes });
      if (freezes.length !== known.length || !freezes.every(({ id }) => known.includes(id))) return freezes;
      throw ApplicationFailure.create({
        message: `Still in ${freezes.map(freezeWords).join('; ')}`,
        type: FAILURE.Frozen,
        category: ApplicationFailureCategory.BENIGN,
        nextRetryDelay: askAgainMs(freezes),
      });
    });
}

function askAgainMs(freezes: readonly Freeze[]): number {
  const longest = freezes.every(({ by }) => by === undefined) ? ASK_AGAIN_IN_WINDOW_MS : ASK_AGAIN_MS;
  const end = freezesEnd(freezes) ?? Number.POSITIVE_INFINITY;
  return Math.max(1_000, Math.min(longest, end - Date.now()));
}

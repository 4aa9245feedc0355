import type { Decision, DecisionAnswer } from './decision.ts';
import { deploymentWorkflowId } from './plan.ts';
import {
  deploymentsOf,
  isTrainOver,
  STATE_WORDS,
  type TrainDeployment,
  type TrainPhase,
  type TrainPlan,
  type TrainStatus,
  wordsOf,
} from './train.ts';

/** A train's state from one moment to the next; `at` is now, epoch milliseconds. Pure. */

/** A report of many deployments has to fit a failure. */
const LONGEST_OUTCOME = 500;

/** Before the request is checked: it may be anything. */
export function trainOpened(name: string, at: number): TrainStatus {
  return { name, phase: 'planning', phaseSince: at, startedAt: at, stages: [], decisions: [], ignored: 0 };
}

export function trainPlanned(status: TrainStatus, { stages, ...plan }: TrainPlan): TrainStatus {
  return {
    ...status,
    ...plan,
    stages: stages.map((stage) => ({
      ...stage,
      deployments: stage.deployments.map((one) => ({
        ...one,
        workflowId: deploymentWorkflowId(one.service, one.environment),
        state: 'waiting',
      })),
    })),
  };
}

export function trainEntered(
  { until: _, ...status }: TrainStatus,
  phase: TrainPhase,
  at: number,
  more: Pick<TrainStatus, 'stage' | 'until'> = {},
): TrainStatus {
  return { ...status, phase, phaseSince: at, ...more };
}

/** `change` is what is new of the deployment under this id. */
export function trainDeploymentChanged(
  status: TrainStatus,
  workflowId: string,
  { outcome, ...change }: Partial<TrainDeployment>,
): TrainStatus {
  const changed = (one: TrainDeployment): TrainDeployment => ({
    ...one,
    ...change,
    ...(outcome === undefined ? {} : { outcome: outcome.slice(0, LONGEST_OUTCOME) }),
  });
  return {
    ...status,
    stages: status.stages.map((stage) => ({
      ...stage,
      deployments: stage.deployments.map((one) => (one.workflowId === workflowId ? changed(one) : one)),
    })),
  };
}

/** To cancel a train's workflow aborts the train; once it rolls back, that comes too late. */
export function trainCancelled(status: TrainStatus): TrainStatus {
  return status.ending || status.phase === 'rolling-back' || isTrainOver(status)
    ? status
    : { ...status, ending: { cause: 'cancelled', by: 'a cancellation of its workflow' } };
}

export function trainMessageIgnored(status: TrainStatus): TrainStatus {
  return { ...status, ignored: status.ignored + 1 };
}

/** Whether the decision counts now; the reason if it does not. */
export function trainRefusal(status: TrainStatus, { action, decisionId }: Decision): string | undefined {
  if (decisionId !== undefined && status.decisions.some((past) => past.decisionId === decisionId))
    return `decision ${decisionId} was taken already; it counts once`;
  if (isTrainOver(status)) return `the train is closed (${status.phase})`;
  if (action !== 'abort')
    return `a train takes only abort; ${action} is for one of its deployments: name its service and environment`;
  if (status.ending) return `the train is being ${status.ending.cause} by ${status.ending.by} already`;
  return status.phase === 'rolling-back' ? 'the train is rolling back; that cannot be stopped' : undefined;
}

export function trainDecided(
  status: TrainStatus,
  decision: Decision,
  at: number,
): { readonly status: TrainStatus; readonly answer: DecisionAnswer } {
  const why = trainRefusal(status, decision);
  if (why !== undefined) return { status: trainMessageIgnored(status), answer: { taken: false, why } };
  const { by, reason } = decision;
  const ending = { cause: 'aborted' as const, by, ...(reason === undefined ? {} : { reason }) };
  return {
    status: { ...status, ending, decisions: [...status.decisions, { ...decision, at, taken: true }] },
    answer: { taken: true },
  };
}

/** How a train that started nothing more ends. */
function endOfTrain(status: TrainStatus): Extract<TrainPhase, 'completed' | 'rolled-back' | 'stopped' | 'refused'> {
  const all = deploymentsOf(status);
  const has = (...states: readonly TrainDeployment['state'][]): boolean =>
    all.some(({ state }) => states.includes(state));
  if (all.length > 0 && all.every(({ state }) => state === 'completed')) return 'completed';
  if (has('completed', 'not-rolled-back', 'left-to-another', 'terminated')) return 'stopped';
  return has('rolled-back', 'cancelled') ? 'rolled-back' : 'refused';
}

/** One sentence for each deployment that is not as all are, and what it comes to. */
function trainOutcome(status: TrainStatus): string {
  const all = deploymentsOf(status);
  const phase = endOfTrain(status);
  if (phase === 'completed') return `All ${all.length} deployments of the train ${status.name} completed.`;
  const { ending } = status;
  const why = ending
    ? [
        `The train ${status.name} was ${ending.cause} by ${ending.by}${ending.reason === undefined ? '' : `: ${ending.reason}`}.`,
      ]
    : [];
  const begun = all
    .filter(({ state }) => state !== 'waiting')
    .map((one) => `${wordsOf(one)} ${STATE_WORDS[one.state]}.`);
  const waiting = all.length - begun.length;
  return [
    ...why,
    ...begun,
    ...(waiting > 0 ? [`${waiting} of ${all.length} deployments ${waiting === 1 ? 'was' : 'were'} not started.`] : []),
  ].join(' ');
}

export function trainClosed(status: TrainStatus, at: number): TrainStatus {
  return { ...trainEntered(status, endOfTrain(status), at), outcome: status.outcome ?? trainOutcome(status) };
}

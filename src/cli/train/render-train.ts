import {
  DEFAULT_ENVIRONMENT,
  type DeploymentStatus,
  deploymentsOf,
  isTrainOver,
  STATE_WORDS,
  type TrainDeployment,
  type TrainStatus,
} from '../../domain/index.ts';
import { COMMAND } from '../address.ts';
import { withCommands } from '../decision-kinds.ts';
import { clock, formatDurationRoughly } from '../view/format.ts';
import { aligned } from '../view/layout.ts';
import type { Paint } from '../view/output.ts';
import { untilWords } from '../view/sections.ts';
import type { TrainSight } from './train-sight.ts';

/** A train for a person: its phase, and a line for each deployment by stage. Pure. */
export function renderTrainSight(sight: TrainSight, name: string, paint: Paint): string[] {
  const { status, running, end, state } = sight;
  if (!status)
    return [
      `Train ${name}: ${end?.summary ?? 'no worker answers. It continues as soon as one of its task queue runs.'} (Temporal: ${state})`,
    ];
  const { phase, phaseSince, requestedBy, reason, onRollback, stages, until } = status;
  const rows = stages.flatMap((stage) =>
    stage.deployments.map((one) => [
      stage.name,
      one.service,
      one.environment,
      one.version,
      isTrainOver(status) && one.state === 'waiting'
        ? STATE_WORDS.waiting
        : stateWords(one, running.get(one.workflowId)),
    ]),
  );
  return [
    `${paint.bold(`Train ${status.name}: ${phase}`)}, since ${clock(phaseSince)}`,
    ...(requestedBy === undefined ? [] : [`  requested by ${requestedBy}${reason === undefined ? '' : `: ${reason}`}`]),
    ...(onRollback === undefined ? [] : [`  ${ON_ROLLBACK[onRollback]}`]),
    ...noWorker(sight).map((words) => `  ${words}`),
    ...(until === undefined || isTrainOver(status)
      ? []
      : [`  the next stage begins at ${clock(until)} (in ${formatDurationRoughly(until - Date.now())})`]),
    ...(rows.length === 0 ? [] : ['', ...aligned([['STAGE', 'SERVICE', 'ENVIRONMENT', 'VERSION', 'STATE'], ...rows])]),
    ...reasons(status),
    ...((end?.summary ?? status.outcome) === undefined ? [] : ['', end?.summary ?? status.outcome ?? '']),
  ];
}

const ON_ROLLBACK = {
  'roll-back-all': 'if one is rolled back, all are, the last stage first',
  stop: 'if one is rolled back, those that completed stay and no further stage begins',
} as const;

/** What a train waits for whose work no worker takes: a sentence, or none. */
export function noWorker({ withoutWorker = [] }: TrainSight): string[] {
  if (withoutWorker.length === 0) return [];
  const names = withoutWorker.map((name) => `"${name}"`);
  const queues = names.length === 1 ? `queue ${names[0]}` : `queues ${names.join(', ')}`;
  return [`no worker takes work from the task ${queues}; start one, or correct taskQueue`];
}

/** With what the deployment itself says, while it runs. */
export function stateWords({ state }: TrainDeployment, now: DeploymentStatus | undefined): string {
  if (!now) return state;
  const { phase, greenPercentage, waitingFor } = now;
  const until = waitingFor?.until === undefined ? '' : `, ${untilWords(waitingFor, clock(waitingFor.until))}`;
  const waits = waitingFor === undefined ? '' : `; waits for ${waitingFor.what}${until}`;
  // Not every freeze has an end: what happens then, and what ends it before, is not to be guessed.
  const ways = waitingFor && phase === 'held' ? `; unblocked by ${withCommands(waitingFor.unblockedBy)}` : '';
  return `${phase}, green at ${greenPercentage} %${waits}${ways}`;
}

/** Why what did not complete did not, each with how to see its report. */
export function reasons(status: TrainStatus): string[] {
  return deploymentsOf(status)
    .filter(({ state, outcome }) => outcome !== undefined && state !== 'completed')
    .flatMap((one) => [
      '',
      `${one.service} in ${one.environment}: ${one.outcome}`,
      `  ${COMMAND} report ${flagsOf(one)}${one.runId === undefined ? '' : ` --run ${one.runId}`}`,
    ]);
}

function flagsOf({ service, environment }: TrainDeployment): string {
  return `--service ${service}${environment === DEFAULT_ENVIRONMENT ? '' : ` --environment ${environment}`}`;
}

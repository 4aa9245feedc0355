import { currentStep, type DeploymentStatus, isClosed } from './status.ts';

/** Buckets for what takes seconds to hours: a deploy command, a soak, a night at a gate. */
const SECONDS_TO_HOURS = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400] as const;
/** Close together around the usual target of 90 s. */
const RECOVERY = [5, 10, 20, 30, 45, 60, 75, 90, 105, 120, 180, 300, 600, 1_800, 3_600] as const;

interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'histogram' | 'gauge';
  readonly help: string;
  /** Besides `service` and `environment`. Each has a few values; a version or free text is never among them. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

/**
 * What a worker's Prometheus page says of deployments. Durations are seconds, timestamps epoch seconds; the page adds
 * `_total` to the name of a counter.
 */
export const METRICS = {
  deployments: {
    name: 'bluegreen_deployments',
    kind: 'counter',
    help: 'Deployments that ended, by outcome',
    labels: ['outcome'],
  },
  phaseDuration: {
    name: 'bluegreen_phase_duration_seconds',
    kind: 'histogram',
    help: 'How long a deployment stayed in a phase',
    labels: ['phase'],
    buckets: SECONDS_TO_HOURS,
  },
  phaseSince: {
    name: 'bluegreen_phase_since_timestamp_seconds',
    kind: 'gauge',
    help: 'When the deployment entered the phase it is in; 0 for a phase it has left',
    labels: ['phase'],
  },
  windows: {
    name: 'bluegreen_windows',
    kind: 'counter',
    help: 'Windows of soaks and open gates, by verdict',
    labels: ['verdict'],
  },
  watched: {
    name: 'bluegreen_watched_timestamp_seconds',
    kind: 'gauge',
    help: 'When a worker watched green last: the newest reading of the metrics, whether it succeeded or not',
    labels: [],
  },
  gateWait: {
    name: 'bluegreen_gate_wait_seconds',
    kind: 'histogram',
    help: 'From a soak proven healthy to the approval, or to what ended the wait instead',
    labels: ['outcome'],
    buckets: SECONDS_TO_HOURS,
  },
  gateUntil: {
    name: 'bluegreen_gate_until_timestamp_seconds',
    kind: 'gauge',
    help: 'When the wait at the open gate ends in a rollback; 0 when no gate waits',
    labels: [],
  },
  rollbacks: {
    name: 'bluegreen_rollbacks',
    kind: 'counter',
    help: 'Rollbacks that began, by cause',
    labels: ['cause'],
  },
  rollbackRounds: {
    name: 'bluegreen_rollback_rounds',
    kind: 'counter',
    help: 'Rounds of rollbacks that ended; each failed one is a rollback that stalled',
    labels: ['outcome'],
  },
  recovery: {
    name: 'bluegreen_recovery_seconds',
    kind: 'histogram',
    help: 'Recovery time: from the detection until blue verifiably carries all traffic and is healthy',
    labels: ['within_target'],
    buckets: RECOVERY,
  },
  recoveryTarget: {
    name: 'bluegreen_recovery_target_seconds',
    kind: 'gauge',
    help: 'The recovery time that the runbook expects',
    labels: [],
  },
} as const satisfies Record<string, Metric>;

export interface Measurement {
  readonly metric: Exclude<keyof typeof METRICS, 'watched'>;
  /** Never negative: the SDK throws at such a value, and a workflow task that throws stands still. */
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What there is to measure about one change of a deployment's state. */
export function measurementsOf(before: DeploymentStatus, after: DeploymentStatus): Measurement[] {
  const found = [...ofPhase(before, after), ...ofSoak(before, after), ...ofRollback(before, after), ...levels(after)];
  return found.map(({ labels, ...one }) => ({ ...one, labels: { ...whose(after), ...labels } }));
}

/** A request that was never resolved may name anything, and a label of anything has no bounds. */
function whose({ plan }: DeploymentStatus): Measurement['labels'] {
  const { service = 'unknown', environment = 'unknown' } = plan?.target ?? {};
  return { service, environment };
}

function ofPhase(before: DeploymentStatus, after: DeploymentStatus): Measurement[] {
  if (before.phase === after.phase) return [];
  const left = { phase: before.phase };
  return [
    { metric: 'phaseDuration', value: seconds(before.phaseSince, after.phaseSince), labels: left },
    ...(after.plan ? [{ metric: 'phaseSince', value: 0, labels: left } as const] : []),
    // A rollback of its own is no deployment: it counts among the rollbacks.
    ...(isClosed(after.phase) && after.kind === undefined ? [once('deployments', { outcome: outcomeOf(after) })] : []),
  ];
}

/** A run of the checklist alone ends well, too, but is no deployment. */
function outcomeOf({ phase, deployedAt }: DeploymentStatus): string {
  return phase === 'completed' && deployedAt === undefined ? 'checked' : phase;
}

function ofSoak(before: DeploymentStatus, after: DeploymentStatus): Measurement[] {
  const [step, previously] = [currentStep(after), currentStep(before)];
  const window = step?.windows.at(-1);
  const { passedAt } = step?.gate ?? {};
  return [
    ...(window && window !== previously?.windows.at(-1) ? [once('windows', { verdict: window.verdict })] : []),
    ...(passedAt !== undefined && previously?.gate?.passedAt === undefined
      ? [waited(step?.provenAt, passedAt, 'approved')]
      : []),
    ...(after.rollback && before.phase === 'awaiting-approval'
      ? [waited(step?.provenAt, after.rollback.startedAt, after.rollback.cause)]
      : []),
  ];
}

function waited(provenAt: number | undefined, until: number, outcome: string): Measurement {
  return { metric: 'gateWait', value: seconds(provenAt ?? until, until), labels: { outcome } };
}

function ofRollback(before: DeploymentStatus, after: DeploymentStatus): Measurement[] {
  const { rollback, phase, plan } = after;
  if (!rollback || phase === before.phase) return [];
  const { cause, recovered, recoveryMs } = rollback;
  const began = before.rollback ? [] : [once('rollbacks', { cause })];
  const failed = phase === 'rollback-stalled' ? [once('rollbackRounds', { outcome: 'failed' })] : [];
  if (!isClosed(phase) || !recovered || !plan) return [...began, ...failed];
  const succeeded = once('rollbackRounds', { outcome: 'succeeded' });
  if (recoveryMs === undefined) return [succeeded];
  const withinTarget = recoveryMs <= plan.recovery.targetMs;
  return [
    succeeded,
    { metric: 'recovery', value: seconds(0, recoveryMs), labels: { within_target: String(withinTarget) } },
  ];
}

/** What is so now, whatever changed: a worker that takes a deployment over says it with the first change it makes. */
function levels({ phase, phaseSince, plan, steps }: DeploymentStatus): Measurement[] {
  if (!plan) return [];
  const until = phase === 'awaiting-approval' ? steps.at(-1)?.gate?.until : undefined;
  return [
    { metric: 'phaseSince', value: seconds(0, phaseSince), labels: { phase } },
    { metric: 'gateUntil', value: seconds(0, until ?? 0), labels: {} },
    { metric: 'recoveryTarget', value: seconds(0, plan.recovery.targetMs), labels: {} },
  ];
}

function once(metric: Measurement['metric'], labels: Measurement['labels']): Measurement {
  return { metric, value: 1, labels };
}

/** Between two times, one of which may be from another machine's clock. */
function seconds(fromMs: number, toMs: number): number {
  return Math.max(0, toMs - fromMs) / 1_000;
}

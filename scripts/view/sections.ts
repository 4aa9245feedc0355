import type { WatchHeartbeat } from '../../src/activities/activities.ts';
import type { Counts, DeploymentPlan, Verdict } from '../../src/runbook/plan.ts';
import type { DecisionRecord } from '../../src/workflows/decisions.ts';
import {
  currentStep,
  type DeploymentStatus,
  type FinishedWindow,
  type GateStatus,
  isPassed,
  type Phase,
  type RollbackStatus,
  type StepStatus,
} from '../../src/workflows/status.ts';
import type { Paint } from './output.ts';
import { bar, clock, count, exactly, roughly, share } from './words.ts';

/** Parts of a view, each a list of lines. Pure; shared by `status`, the live view and the report. */

export const PHASE_WORDS: Record<Phase, string> = {
  resolving: 'reading the runbook',
  checking: 'going through the checklist',
  deploying: 'deploying green at 0 %',
  shifting: 'shifting traffic',
  soaking: 'soaking',
  'awaiting-approval': 'waiting for approval',
  'rolling-back': 'ROLLING BACK',
  'rollback-stalled': 'ROLLBACK STALLED',
  completed: 'completed',
  'rolled-back': 'rolled back',
  refused: 'refused',
  cancelled: 'cancelled',
};

export function paintPhase(phase: Phase, paint: Paint): string {
  const words = PHASE_WORDS[phase];
  switch (phase) {
    case 'completed':
      return paint.green(words);
    case 'rolling-back':
    case 'rollback-stalled':
    case 'rolled-back':
    case 'refused':
      return paint.red.bold(words);
    case 'awaiting-approval':
    case 'cancelled':
      return paint.yellow(words);
    case 'resolving':
    case 'checking':
    case 'deploying':
    case 'shifting':
    case 'soaking':
      return paint.cyan(words);
  }
}

/** `✓ checklist  ✓ deploy  ✓ 50 %  ● soak  · approval  · 100 %  · soak` */
export function pathLine(status: DeploymentStatus, paint: Paint): string {
  const { phase, plan, steps, rollback } = status;
  if (!plan) return paint.cyan('● runbook');
  const done = (name: string): string => paint.green(`✓ ${name}`);
  const now = (name: string): string => paint.cyan.bold(`● ${name}`);
  const todo = (name: string): string => paint.dim(`· ${name}`);
  const begun = steps.length > 0;
  const path = [
    status.checks.every(isPassed) ? done('checklist') : now('checklist'),
    begun || status.deployedAt !== undefined ? done('deploy') : phase === 'deploying' ? now('deploy') : todo('deploy'),
  ];
  for (const [index, step] of plan.traffic.entries()) {
    const at = steps[index];
    const isNext = index === steps.length && phase === 'shifting';
    path.push(at ? done(`${step.percentage} %`) : isNext ? now(`${step.percentage} %`) : todo(`${step.percentage} %`));
    path.push(at?.provenAt !== undefined ? done('soak') : at && !rollback ? now('soak') : todo('soak'));
    if (step.approval && index < plan.traffic.length - 1)
      path.push(
        at?.gate?.passedAt !== undefined
          ? done('approval')
          : phase === 'awaiting-approval' && at
            ? now('approval')
            : todo('approval'),
      );
  }
  if (rollback) return [...path.filter((part) => part.includes('✓')), paint.red.bold('● rollback')].join('  ');
  return path.join('  ');
}

/** `[#####-----] 9 s of 20 s, 11 s left` */
export function soakLine(step: StepStatus, now: number, width: number): string {
  const length = step.soakUntil - step.shiftedAt;
  const gone = Math.min(length, Math.max(0, now - step.shiftedAt));
  const text =
    step.provenAt !== undefined
      ? `proven healthy after ${roughly(step.provenAt - step.shiftedAt)}`
      : `${roughly(gone)} of ${roughly(length)}, ${gone < length ? `${roughly(length - gone)} left` : 'waiting for the verdict'}`;
  return `${bar(step.provenAt === undefined ? gone / length : 1, Math.max(12, width - text.length - 2))}  ${text}`;
}

/** Rate, error share, slow share and mean latency of both versions over the newest interval. */
export function liveTable(live: WatchHeartbeat | undefined, plan: DeploymentPlan, paint: Paint): string[] {
  const { blue, green } = plan.target;
  const { latency } = plan.judge.limits;
  const slow = latency ? `over ${latency.underMs} ms` : '';
  const width = Math.max(blue.length, green.length, 5) + 8;
  const head = `${' '.repeat(width)}${cell('rate')}${cell('errors')}${cell(slow)}${cell('mean')}`;
  const row = (name: string, version: string, now: (Counts & { meanMs: number }) | undefined): string => {
    const intervalMs = live?.latest?.intervalMs ?? 0;
    const label = `  ${name} ${version}`.padEnd(width);
    if (!now || intervalMs <= 0) return `${label}${paint.dim(cell('no numbers yet', 16))}`;
    const rate = `${((now.requests * 1_000) / intervalMs).toFixed(1)}/s`;
    const errors = overLimit(now.failed, now.requests, plan.judge.limits.errorRate, paint);
    const slowShare = latency ? overLimit(now.slow, now.requests, 1 - latency.quantile, paint) : cell('');
    const mean = now.requests > 0 ? `${now.meanMs.toFixed(now.meanMs < 10 ? 1 : 0)} ms` : '-';
    return `${label}${cell(rate)}${errors}${slowShare}${cell(mean)}`;
  };
  return [
    paint.dim(head.trimEnd()),
    row('blue ', blue, live?.latest?.blue),
    row('green', green, live?.latest?.green),
    ...(live?.problem ? [paint.yellow(`  ${live.problem}`)] : []),
  ];
}

function overLimit(part: number, whole: number, limit: number, paint: Paint): string {
  const text = cell(share(part, whole));
  return whole > 0 && part / whole > limit + 1e-9 ? paint.red.bold(text) : text;
}

function cell(text: string, width = 13): string {
  return text.padStart(width);
}

export function verdictWords({ verdict, reason }: { verdict: Verdict; reason: string }, paint: Paint): string {
  const colour = { healthy: paint.green, breached: paint.red.bold, inconclusive: paint.yellow }[verdict];
  return `${colour(verdict)}: ${reason}`;
}

export function windowLine(window: FinishedWindow, paint: Paint): string {
  const { green, from, to } = window;
  return `${clock(from)} to ${clock(to)}  ${verdictWords(window, paint)} (green: ${count(green.requests, 'request')}, ${share(green.failed, green.requests)} failed)`;
}

/** The gate of the step under way. */
export function gateLine({ gate }: StepStatus, now: number): string | undefined {
  if (!gate) return undefined;
  if (gate.passedAt !== undefined) return `${approvals(gate)}, passed`;
  return gate.until === undefined
    ? `${approvals(gate)}, opens when the soak is proven healthy; an approval may come before`
    : `${approvals(gate)}, open for ${roughly(gate.until - now)} more`;
}

/** The gate of a step that is over: nobody can pass it any more. */
export function pastGateLine({ gate }: StepStatus): string | undefined {
  return gate && `${approvals(gate)}, ${gate.passedAt === undefined ? 'not passed' : 'passed'}`;
}

function approvals({ id, approvedBy, required }: GateStatus): string {
  const who = approvedBy.length > 0 ? ` by ${approvedBy.join(', ')}` : '';
  return `${id}: ${approvedBy.length} of ${count(required, 'approval')}${who}`;
}

export function decisionLine(decision: DecisionRecord, paint: Paint): string {
  const text = `${clock(decision.at)}  ${decisionWords(decision)}`;
  return decision.taken ? text : paint.dim(text);
}

export function decisionWords({ action, by, taken, why, reason, check, gate, remedy }: DecisionRecord): string {
  const about = [check, gate, remedy && 'with its remedy'].filter(Boolean).join(' ');
  const text = `${action}${about === '' ? '' : ` ${about}`} by ${by}${reason === undefined ? '' : `: ${reason}`}`;
  return taken ? text : `${text} (ignored: ${why ?? 'no reason given'})`;
}

/** The rollback step by step, with the recovery time against its target. */
export function rollbackLines(rollback: RollbackStatus, targetMs: number | undefined, paint: Paint): string[] {
  const { cause, reason, detectedAt, startedAt, round, restored, recovered, recoveryMs, problem, notices } = rollback;
  const after = (at: number): string => `+${exactly(at - detectedAt)}`.padStart(10);
  const target = targetMs === undefined ? '' : `, target ${roughly(targetMs)}`;
  const verdict = targetMs === undefined || recoveryMs === undefined ? '' : within(recoveryMs, targetMs, paint);
  return [
    `${paint.red(cause)}: ${reason}`,
    `${after(detectedAt)}  detected at ${clock(detectedAt)}`,
    `${after(startedAt)}  rollback started${round > 1 ? `, now in round ${round}` : ''}`,
    ...(restored ? [`${after(restored.restoredAt)}  all traffic back on blue`] : []),
    ...(recovered
      ? [`${after(recovered.healthyAt)}  blue healthy over ${count(recovered.requests, 'fresh request')}`]
      : []),
    recoveryMs === undefined
      ? paint.yellow(`recovery time: not recovered yet${target}`)
      : `${paint.bold(`recovery time: ${exactly(recoveryMs)}`)}${target}${verdict}`,
    ...(problem === undefined ? [] : [paint.red(`problem: ${problem}`)]),
    ...notices.map((notice) => paint.yellow(`notice: ${notice}`)),
  ];
}

function within(recoveryMs: number, targetMs: number, paint: Paint): string {
  return recoveryMs <= targetMs ? paint.green(' (within it)') : paint.red(' (MISSED)');
}

/** `blue 2.4.0 50 %, green 2.5.0 50 %` */
export function trafficWords(status: DeploymentStatus): string {
  const { plan, greenPercentage, version } = status;
  const blue = plan?.target.blue;
  return blue === undefined
    ? `green ${version} ${greenPercentage} %`
    : `blue ${blue} ${100 - greenPercentage} %, green ${version} ${greenPercentage} %`;
}

/** `at 50 %` while a step is under way; `again` for the checklist before the first shift. */
export function atWords(status: DeploymentStatus): string {
  if (status.phase === 'checking' && status.deployedAt !== undefined) return ' again, before the first shift';
  if (status.phase === 'shifting') {
    const next = status.plan?.traffic[status.steps.length];
    return next ? ` to ${next.percentage} %` : '';
  }
  const step = status.phase === 'soaking' || status.phase === 'awaiting-approval' ? currentStep(status) : undefined;
  return step ? ` at ${step.percentage} %` : '';
}

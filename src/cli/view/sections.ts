import {
  currentStep,
  type DecisionRecord,
  type DeploymentStatus,
  type FinishedWindow,
  type FurtherResult,
  furtherWords,
  type GateStatus,
  greenLeftWords,
  isApproved,
  isClosed,
  isGuarded,
  type MovedStatus,
  type Phase,
  pendingWords,
  type RollbackStatus,
  recoveryWords,
  restoredWords,
  rollbackPromise,
  type StepStatus,
  type WaitingFor,
} from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import type { Judgement, Verdict } from '../../judge/index.ts';
import { bar, clock, formatDuration, formatDurationRoughly, share } from './format.ts';
import type { LastKnownTraffic } from './last-known.ts';
import type { Paint } from './output.ts';

/** Parts of a view, each a list of lines. Pure; shared by `status`, the live view and the report. */

export const PHASE_WORDS: Record<Phase, string> = {
  resolving: 'reading the runbook',
  held: 'HELD by a freeze',
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

export function paintPhase({ phase, rollback }: Pick<DeploymentStatus, 'phase' | 'rollback'>, paint: Paint): string {
  if (phase === 'rolling-back' && rollback && isGuarded(rollback))
    return paint.yellow('rolled back, guarding the traffic');
  const words = PHASE_WORDS[phase];
  switch (phase) {
    case 'completed':
      return paint.green(words);
    case 'rolling-back':
    case 'rollback-stalled':
    case 'rolled-back':
    case 'refused':
      return paint.red.bold(words);
    case 'held':
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

/**
 * `[#####-----]  9 s of 20 s, 11 s left`; `soakMs` is what the runbook gives it, before any extension. Where the deployment does
 * not answer, nobody knows what was watched of that time.
 */
export function soakLine(
  step: StepStatus,
  {
    now,
    width,
    soakMs,
    answers,
  }: { readonly now: number; readonly width: number; readonly soakMs?: number; readonly answers: boolean },
): string {
  const length = step.soakUntil - step.shiftedAt;
  const extra = soakMs === undefined ? 0 : length - soakMs;
  const extended = extra >= 1_000 && step.provenAt === undefined ? `, extended by ${formatDurationRoughly(extra)}` : '';
  const gone = Math.min(length, Math.max(0, now - step.shiftedAt));
  const passed = `${formatDurationRoughly(gone)} of ${formatDurationRoughly(length)}`;
  const text =
    step.provenAt !== undefined
      ? `proven healthy after ${formatDurationRoughly(step.provenAt - step.shiftedAt)}`
      : !answers
        ? `${passed} by the clock`
        : `${passed}, ${gone < length ? `${formatDurationRoughly(length - gone)} left` : 'waiting for the verdict'}${extended}`;
  return `${bar(step.provenAt === undefined ? gone / length : 1, Math.max(12, width - text.length - 2))}  ${text}`;
}

/**
 * What the judge thinks of a soak that is under way, its doubts named in words, and the colour of that. `newest`: where the
 * newest reading alone is; who sees that over a limit must not read "healthy" beside it without a word.
 */
export function judgedWords(
  { verdict, reason, code, exhausted }: Judgement,
  newest: 'over' | 'within',
  paint: Paint,
): { readonly text: string; readonly colour: Paint } {
  if (verdict === 'healthy' && newest === 'over')
    return { text: `! over a limit in the newest reading; in all healthy: ${reason}`, colour: paint.yellow };
  if (verdict === 'healthy') return { text: `✓ healthy: ${reason}`, colour: paint.green };
  if (verdict === 'breached') return { text: `✗ BREACHED: ${reason}`, colour: paint.red.bold };
  if (reason.startsWith('healthy so far') && newest === 'over')
    return { text: `! over a limit in the newest reading; in all ${reason}`, colour: paint.yellow };
  if (reason.startsWith('healthy so far')) return { text: reason, colour: paint.cyan };
  const doubt = DOUBTS[code ?? 'insufficient-data'] ?? 'not proven yet';
  return { text: `! ${doubt}${exhausted ? ', a person has to decide' : ''}: ${reason}`, colour: paint.yellow };
}

const DOUBTS: Readonly<Partial<Record<NonNullable<Judgement['code']>, string>>> = {
  'no-metrics': 'no metrics',
  'no-traffic': 'no traffic',
  'blue-unhealthy': 'blue is unhealthy',
  'wrong-traffic-split': 'wrong split of the traffic',
  'blue-has-traffic': 'blue still has traffic',
  suspected: 'in doubt',
  'insufficient-data': 'not proven yet',
};

export function verdictWords({ verdict, reason }: { verdict: Verdict; reason: string }, paint: Paint): string {
  const colour = { healthy: paint.green, breached: paint.red.bold, inconclusive: paint.yellow }[verdict];
  return `${colour(verdict)}: ${reason}`;
}

export function windowLine(window: FinishedWindow, paint: Paint): string {
  const { green, from, to } = window;
  return `${clock(from)} to ${clock(to)}  ${verdictWords(window, paint)} (in this window: ${count(green.requests, 'request')} to green, ${share(green.failed, green.requests)} failed)`;
}

/** The further metrics: a line each. */
export function furtherLines(analysis: readonly FurtherResult[] | undefined, paint: Paint): string[] {
  return (analysis ?? []).map((one) => {
    const colour = { healthy: paint.green, breached: paint.red.bold, inconclusive: paint.yellow }[one.verdict];
    return `${colour(furtherWords(one))}: ${one.reason}`;
  });
}

/** The gate of the step under way. */
export function gateLine({ gate, provenAt }: StepStatus, now: number): string | undefined {
  if (!gate) return undefined;
  if (gate.passedAt !== undefined) return `${approvals(gate)}, passed`;
  if (provenAt === undefined)
    return `${approvals(gate)}, ${isApproved(gate) ? 'passes when the soak is proven healthy' : 'opens when the soak is proven healthy; you can approve already'}`;
  return `${approvals(gate)}, ${gate.until === undefined ? 'open until it is decided' : `open for ${formatDurationRoughly(gate.until - now)} more`}`;
}

/** The gate of a step that is over: nobody can pass it any more. */
export function pastGateLine({ gate }: StepStatus): string | undefined {
  return gate && `${approvals(gate)}, ${gate.passedAt === undefined ? 'not passed' : 'passed'}`;
}

function approvals(gate: GateStatus): string {
  const { id, approvedBy, required, rejectedBy = [], rejections = 1 } = gate;
  const who = approvedBy.length > 0 ? ` by ${approvedBy.join(', ')}` : '';
  const against =
    rejectedBy.length > 0
      ? `, ${rejectedBy.length} of ${count(rejections, 'rejection')} by ${rejectedBy.join(', ')}`
      : '';
  return `${id}: ${approvedBy.length} of ${count(required, 'approval')}${who}${against}${gate.passedAt === undefined ? pendingWords(gate) : ''}`;
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

/** Notifications that did not reach every channel, as they were given up. */
export function undeliveredLines(undelivered: DeploymentStatus['undelivered'], paint: Paint): string[] {
  return (undelivered ?? []).map(
    ({ at, severity, text, problem }) =>
      `${clock(at)}  ${severity}: ${text} ${paint.yellow(`not delivered: ${problem}`)}`,
  );
}

/** The rollback step by step, with the recovery time against its target. */
export function rollbackLines(
  rollback: RollbackStatus,
  { targetMs, now }: { readonly targetMs: number | undefined; readonly now: readonly string[] },
  paint: Paint,
): string[] {
  const { cause, reason, recovered, recoveryMs } = rollback;
  const target = targetMs === undefined ? '' : `, target ${formatDurationRoughly(targetMs)}`;
  const verdict = targetMs === undefined || recoveryMs === undefined ? '' : within(recoveryMs, targetMs, paint);
  return [
    reason.toLowerCase().startsWith(cause) ? paint.red(reason) : `${paint.red(cause)}: ${reason}`,
    ...rollbackSteps(rollback),
    recoveryMs === undefined
      ? paint.yellow(`recovery time: ${recovered ? 'not measured' : 'not recovered yet'}${target}`)
      : `${paint.bold(`recovery time: ${formatDuration(recoveryMs)}`)}${target}${verdict}`,
    ...rollbackTroubles(rollback, paint),
    ...now,
  ];
}

export function rollbackSteps({ detectedAt, startedAt, round, restored, recovered }: RollbackStatus): string[] {
  const after = (at: number): string => `+${formatDuration(at - detectedAt)}`.padStart(10);
  const left = greenLeftWords(restored);
  const before = [
    { at: detectedAt, words: `detected at ${clock(detectedAt)}` },
    { at: startedAt, words: `rollback started${round > 1 ? `, now in round ${round}` : ''}` },
    ...(restored ? [{ at: restored.restoredAt, words: restoredWords(restored) }] : []),
  ];
  const since = [
    ...(recovered ? [{ at: recovered.healthyAt, words: recoveryWords(recovered) }] : []),
    ...(left !== undefined && restored?.greenLeft ? [{ at: restored.greenLeft.at, words: left }] : []),
  ].toSorted((one, other) => one.at - other.at);
  return [...before, ...since].map(({ at, words }) => `${after(at)}  ${words}`);
}

/** What went wrong before the round that runs is not its own problem, which `rollbackProgress` has. */
export function movedLine({ times, found, by, setRightAt }: MovedStatus): string {
  return `the traffic was moved by somebody else${times === 1 ? '' : ` ${times} times`}${setRightAt === undefined ? '' : ', and set right'}; found ${found}${by === undefined ? '' : `; ${by}`}`;
}

export function rollbackTroubles({ problem, problemBefore, round, notices }: RollbackStatus, paint: Paint): string[] {
  return [
    ...(problemBefore === undefined ? [] : [paint.yellow(`round ${round - 1} failed: ${problemBefore}`)]),
    ...(problem === undefined ? [] : [paint.red(`problem: ${problem}`)]),
    ...notices.map((notice) => paint.yellow(`notice: ${notice}`)),
  ];
}

/** `recovery [####------]  12.3 s of 90 s`: counts up from the detection until blue is back; red and said when past it. */
export function recoveryClock(
  { detectedAt, recovered, recoveryMs }: RollbackStatus,
  { now, width, targetMs }: { readonly now: number; readonly width: number; readonly targetMs: number },
  paint: Paint,
): string {
  if (recovered && recoveryMs === undefined) return paint.yellow.bold('recovery not measured');
  const ms = recoveryMs ?? Math.max(0, now - detectedAt);
  const isPast = ms > targetMs;
  const state = recoveryMs === undefined || isPast ? '' : recovered?.accepted ? '' : ': blue is back ✓';
  const text = `${inSeconds(ms, 1)} of ${inSeconds(targetMs, 0)}${isPast ? (recoveryMs === undefined ? ', OVER TARGET ✗' : ', TARGET MISSED ✗') : state}`;
  const room = width - text.length - 'recovery '.length - 2;
  const line = `recovery ${room < LEAST_BAR ? '' : `${bar(ms / targetMs, room)}  `}${text}`;
  if (isPast) return paint.red.bold(line);
  return recoveryMs === undefined ? paint.yellow.bold(line) : paint.green.bold(line);
}

const LEAST_BAR = 8;

/** Two lengths are compared at a glance only in the same unit. */
function inSeconds(ms: number, digits: number): string {
  return `${(ms / 1_000).toFixed(digits)} s`;
}

function within(recoveryMs: number, targetMs: number, paint: Paint): string {
  return recoveryMs <= targetMs ? paint.green(' (within it)') : paint.red(' (MISSED)');
}

/** How long a wait may last at most, or lasts at least. */
export function untilWords({ mayMove }: WaitingFor, until: string): string {
  return mayMove ? `until ${until}, or longer if health is not proven by then` : `at most until ${until}`;
}

/** `blue 2.4.0 50 %, green 2.5.0 50 %`; while no worker answers, as the history has it. */
export function trafficWords({
  status,
  lastKnown,
}: {
  readonly status: DeploymentStatus;
  readonly lastKnown?: Pick<LastKnownTraffic, 'greenPercentage'>;
}): string {
  const { plan, version, phase } = status;
  // Not 0 %: what was reset, or terminated before, may have left green any share.
  if (!plan && !lastKnown) return isClosed(phase) ? 'not read' : 'not read yet';
  const { greenPercentage } = lastKnown ?? status;
  const blue = plan?.target.blue;
  const green = `green ${version} ${greenPercentage} %${lastKnown ? '' : changing(status)}`;
  return blue === undefined ? green : `blue ${blue} ${100 - greenPercentage} %, ${green}`;
}

/** The router may already do something else. */
function changing({ phase, rollback }: DeploymentStatus): string {
  if (phase === 'shifting') return ', being changed';
  if (rollback?.restored?.greenLeft) return ', which the proxies do not follow';
  return phase === 'rolling-back' && !rollback?.restored ? ', being set back' : '';
}

/** What a rollback does not undo: a line, or none. */
export function forwardOnlyLines(status: DeploymentStatus): string[] {
  const promise = rollbackPromise(status);
  return promise === undefined ? [] : [`${promise}.`];
}

/** `at 50 %` while a step is under way; `again` for the checklist before the first shift. */
export function atWords(status: DeploymentStatus): string {
  if (status.phase === 'checking' && status.deployedAt !== undefined) return ' again, before the first shift';
  if (status.phase === 'shifting') {
    const next = status.plan?.traffic[status.steps.length];
    return next ? ` to ${next.percentage} %` : '';
  }
  const isAtStep = ['soaking', 'awaiting-approval', 'held'].includes(status.phase);
  const step = isAtStep ? currentStep(status) : undefined;
  return step ? ` at ${step.percentage} %` : '';
}

import { currentStep, type DeploymentStatus, isClosed, isPassed, type Phase } from '../../domain/index.ts';
import { formatDuration, formatDurationRoughly } from './format.ts';
import type { Paint } from './output.ts';
import { NO_HISTORY, type PhaseHistory } from './phase-history.ts';

/** The way of a deployment as a line of steps. Pure. */

/** One step. `ms`: how long it took, or has been under way; missing where nobody knows. */
export interface PathStep {
  readonly name: string;
  readonly state: 'done' | 'now' | 'todo' | 'failed';
  readonly ms?: number;
}

export interface ProgressView {
  readonly status: DeploymentStatus;
  readonly at: number;
  readonly past?: PhaseHistory;
}

/** Every step, done or not; after a rollback only what was begun, and the rollback. */
export function stepsOf({ status, at, past = NO_HISTORY }: ProgressView): PathStep[] {
  const { phase, plan, startedAt, checklistUntil, deployedAt, rollback, steps } = status;
  const end = rollback?.detectedAt ?? (isClosed(phase) ? status.phaseSince : at);
  if (!plan) return [{ name: 'resolved', state: isClosed(phase) ? 'failed' : 'now', ms: end - startedAt }];
  const begun = steps.length > 0;
  const since = (wanted: Phase): number | undefined =>
    [...past.phases, { phase, since: status.phaseSince }].find((seen) => seen.phase === wanted)?.since;
  const deployingAt = since('deploying');
  const checkingAt = since('checking');
  // The checklist is opened again before the first shift: that says nothing about its beginning.
  const isFirst = checkingAt !== undefined && (deployedAt === undefined || checkingAt < deployedAt);
  const opened =
    deployedAt === undefined && checklistUntil !== undefined ? checklistUntil - plan.checklist.timeoutMs : undefined;
  const resolvedAt = opened ?? (isFirst ? checkingAt : undefined);
  if (status.kind === 'rollback')
    return [
      { name: 'resolved', state: 'done', ...between(startedAt, rollback?.startedAt) },
      ...(rollback ? [back(rollback)] : []),
    ];
  const path: PathStep[] = [
    { name: 'resolved', state: 'done', ...between(startedAt, resolvedAt) },
    checklist(),
    deploy(),
    ...checksAgain(),
    ...plan.traffic.flatMap(shiftAndGate),
    ...(rollback
      ? [back(rollback)]
      : [{ name: 'done', state: phase === 'completed' ? ('done' as const) : ('todo' as const) }]),
  ];
  return rollback || isClosed(phase) ? path.filter(({ state }) => state !== 'todo') : path;

  function checklist(): PathStep {
    const name = 'checklist';
    if (phase === 'checking' && deployedAt === undefined) return { name, state: 'now', ms: at - status.phaseSince };
    // A freeze holds the start, or has just ended.
    if (deployedAt === undefined && (phase === 'held' || phase === 'resolving')) return { name, state: 'todo' };
    if (begun || status.checks.every(isPassed)) return { name, state: 'done', ...between(resolvedAt, deployingAt) };
    return {
      name,
      state: phase === 'deploying' || phase === 'shifting' || deployedAt !== undefined ? 'done' : 'failed',
      ...between(resolvedAt, deployedAt === undefined ? end : deployingAt),
    };
  }

  function deploy(): PathStep {
    const name = 'deploy';
    if (deployedAt !== undefined) return { name, state: 'done', ...between(deployingAt, deployedAt) };
    if (phase === 'deploying') return { name, state: 'now', ms: at - status.phaseSince };
    if (begun || phase === 'shifting') return { name, state: 'done' };
    return { name, state: rollback ? 'failed' : 'todo', ...between(deployingAt, end) };
  }

  /** Right before the first shift. */
  function checksAgain(): PathStep[] {
    if (phase !== 'checking' || deployedAt === undefined) return [];
    return [{ name: 'checks again', state: 'now', ms: at - status.phaseSince }];
  }

  function shiftAndGate(
    { percentage, approval }: (typeof plan & object)['traffic'][number],
    index: number,
  ): PathStep[] {
    const name = `${percentage} %`;
    const step = steps[index];
    const isLast = index === (plan?.traffic.length ?? 0) - 1;
    const gates = approval && !isLast;
    if (!step) {
      const isNext = index === steps.length && phase === 'shifting';
      const shift: PathStep = isNext ? { name, state: 'now', ms: at - status.phaseSince } : { name, state: 'todo' };
      return gates ? [shift, { name: 'gate', state: 'todo' }] : [shift];
    }
    const { provenAt, shiftedAt, gate } = step;
    const isOver = rollback !== undefined || isClosed(phase);
    const running = isOver ? 'failed' : 'now';
    const soak: PathStep =
      provenAt === undefined
        ? { name, state: running, ms: end - shiftedAt }
        : { name, state: 'done', ms: provenAt - shiftedAt };
    if (!gates) return [soak];
    if (provenAt === undefined) return [soak, { name: 'gate', state: 'todo' }];
    if (gate?.passedAt !== undefined) return [soak, { name: 'gate', state: 'done', ms: gate.passedAt - provenAt }];
    return [soak, { name: 'gate', state: step === currentStep(status) ? running : 'done', ms: end - provenAt }];
  }

  function back({ recovered, detectedAt }: NonNullable<DeploymentStatus['rollback']>): PathStep {
    return recovered
      ? { name: 'rolled back', state: 'done', ms: recovered.healthyAt - detectedAt }
      : {
          name: 'rollback',
          state: isClosed(phase) ? 'failed' : 'now',
          ms: end === detectedAt ? at - detectedAt : end - detectedAt,
        };
  }
}

function between(from: number | undefined, to: number | undefined): { readonly ms?: number } {
  return from === undefined || to === undefined || to < from ? {} : { ms: to - from };
}

/** `✓ resolved 0.4 s  ✓ checklist 12 s  ✓ deploy 3 s  ● 50 % 9 s  · gate  · 100 %  · done`, on as many lines as it takes. */
export function pathLines(view: ProgressView, columns: number, paint: Paint): string[] {
  const lines: { width: number; texts: string[] }[] = [];
  const all = stepsOf(view);
  const isLong = all.map((step) => named(step, true)).join('  ').length > columns;
  // That it ends in "done" can be guessed.
  for (const step of isLong ? all.filter(({ name, state }) => name !== 'done' || state !== 'todo') : all) {
    const text = named(step, true);
    const last = lines.at(-1);
    if (last && last.width + 2 + text.length <= columns) {
      last.texts.push(painted(step, text, paint));
      last.width += 2 + text.length;
    } else lines.push({ width: text.length, texts: [painted(step, text, paint)] });
  }
  return lines.map(({ texts }) => texts.join('  '));
}

/**
 * The same on one line: where that is too long without the times of what is done, then without the names of all but the
 * step under way and its neighbours.
 */
export function pathLine(view: ProgressView, columns: number, paint: Paint): string {
  const steps = stepsOf(view);
  const now = steps.findIndex(({ state }) => state === 'now');
  const here = now === -1 ? steps.findLastIndex(({ state }) => state !== 'todo') : now;
  const isNear = (index: number): boolean => Math.abs(index - here) <= 1;
  const ways: ((step: PathStep, index: number) => string)[] = [
    (step) => named(step, true),
    (step) => named(step, step.state !== 'done'),
    (step, index) => (isNear(index) ? named(step, step.state !== 'done') : SIGNS[step.state]),
    (step, index) => (index === here ? named(step, true) : SIGNS[step.state]),
  ];
  const gap = (way: number): string => (way < 2 ? '  ' : ' ');
  const fitting = ways.findIndex((write, number) => steps.map(write).join(gap(number)).length <= columns);
  const number = fitting === -1 ? ways.length - 1 : fitting;
  return steps.map((step, index) => painted(step, ways[number]?.(step, index) ?? '', paint)).join(gap(number));
}

const SIGNS = { done: '✓', now: '●', todo: '·', failed: '✗' } as const;

function named(step: PathStep, withTime: boolean): string {
  return `${SIGNS[step.state]} ${step.name}${withTime && step.ms !== undefined ? ` ${timeOf(step.ms)}` : ''}`;
}

function timeOf(ms: number): string {
  return ms < 1_000 ? formatDuration(ms) : formatDurationRoughly(ms);
}

function painted({ state, name }: PathStep, text: string, paint: Paint): string {
  switch (state) {
    case 'done':
      return paint.green(text);
    case 'now':
      return name === 'rollback' ? paint.red.bold(text) : paint.cyan.bold(text);
    case 'todo':
      return paint.dim(text);
    case 'failed':
      return paint.red(text);
  }
}

import { currentStep, cutShort, type DeploymentStatus, isClosed, isUnderWay, titleOf } from '../../domain/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import { START_WORKER } from '../../util/index.ts';
import { addressFlags, COMMAND } from '../address.ts';
import { withCommands } from '../decision-kinds.ts';
import { startedWith } from './attribute.ts';
import {
  checkLine,
  checklistLine,
  checkProgress,
  isOfRollback,
  progressLines,
  rollbackProgress,
  unblockLines,
} from './checks.ts';
import { clock, formatDuration, formatDurationRoughly } from './format.ts';
import { lastKnownWords } from './last-known.ts';
import type { Paint } from './output.ts';
import { paused } from './paused.ts';
import { pathLine } from './progress.ts';
import {
  atWords,
  decisionLine,
  forwardOnlyLines,
  furtherLines,
  gateLine,
  judgedWords,
  movedLine,
  paintPhase,
  pastGateLine,
  rollbackLines,
  soakLine,
  trafficWords,
  undeliveredLines,
  untilWords,
  windowLine,
} from './sections.ts';
import type { DeploymentSnapshot, ServerView } from './snapshot.ts';
import { versionLines, versionsOf } from './versions.ts';

const WIDTH = 100;
const WINDOWS_SHOWN = 6;
/** Lines are not cut here: a person who asks for the status wants all of it. */
const ANY_WIDTH = 10_000;

/** All that is known, top to bottom, for `status`. Pure. */
export function renderFull(sight: DeploymentSnapshot, paint: Paint): string[] {
  const { status, server, at } = sight;
  if (!status) return renderServer(sight, paint);
  if (endedByForce(sight)) return renderEndedByForce({ ...sight, status }, paint);
  const { phase, phaseSince, plan, requestedBy, reason, outcome } = status;
  const since = isClosed(phase) ? `since ${clock(phaseSince, at)}` : `for ${formatDurationRoughly(at - phaseSince)}`;
  return [
    paint.bold(titleOf(status)),
    `  phase      ${paintPhase(status, paint)}${atWords(status)}, ${since}`,
    ...(outcome === undefined ? [] : [`  outcome    ${outcome}`]),
    `  traffic    ${trafficWords({ ...sight, status })}`,
    ...forwardOnlyLines(status).map((line) => `  schema     ${paint.yellow(line)}`),
    `  path       ${pathLine({ ...sight, status }, ANY_WIDTH, paint)}`,
    `  started    ${clock(status.startedAt, at)}${requestedBy === undefined ? '' : ` by ${requestedBy}`}${reason === undefined ? '' : `: ${reason}`}`,
    `  workflow   ${server.workflowId}, run ${server.runId}`,
    ...(plan ? [`  runbook    ${plan.target.digest.slice(0, 12)}`] : []),
    ...keptBlue(status, at),
    ...undone(status, at),
    ...paused(server, at).flatMap((text) => ['', paint.red(text)]),
    ...waiting(status, at, paint),
    ...checks(sight, status, paint),
    ...steps(sight, status, paint),
    ...(status.rollback
      ? [
          '',
          paint.bold('Rollback'),
          ...indented(
            rollbackLines(
              status.rollback,
              { targetMs: plan?.recovery.targetMs, now: rollbackProgress(server, at, paint) },
              paint,
            ),
          ),
        ]
      : []),
    ...decisions(status, paint),
    ...undelivered(status, paint),
    ...underWay(
      server.pending.filter((one) => !status.rollback || !isOfRollback(one)),
      at,
      paint,
    ),
  ];
}

const FORCED: readonly ServerView['state'][] = ['TERMINATED', 'TIMED_OUT'];

/** Terminated, or timed out by Temporal: a worker still answers for such a run, with what was true at its end. */
export function endedByForce({ status, server }: DeploymentSnapshot): boolean {
  return status !== undefined && FORCED.includes(server.state) && !isClosed(status.phase);
}

function renderEndedByForce(sight: DeploymentSnapshot & { readonly status: DeploymentStatus }, paint: Paint): string[] {
  const { status, server, at } = sight;
  const { closedAt = at } = server;
  const goingBack = status.rollback ? 'the rollback did not end' : 'nothing was rolled back';
  return [
    paint.bold(titleOf(status)),
    `  state      ${paint.red(`${server.state} since ${clock(closedAt, at)}: nothing watches the traffic, and ${goingBack}`)}`,
    `  phase      was ${status.phase}${atWords(status)} at the end`,
    `  traffic    ${trafficWords(sight)} at the end`,
    `  started    ${clock(status.startedAt, at)}`,
    `  workflow   ${server.workflowId}, run ${server.runId}`,
    '',
    `Go back with ${COMMAND} rollback ${addressFlags(status)}, or check the traffic yourself now.`,
    ...checks({ ...sight, at: closedAt }, status, paint),
    ...decisions(status, paint),
    ...undelivered(status, paint),
  ];
}

/** Going back is one shift until then. */
function keptBlue({ blueKeptUntil: until, plan, service, environment }: DeploymentStatus, now: number): string[] {
  if (until === undefined) return [];
  const blue = plan?.target.blue ?? 'blue';
  return now < until
    ? [
        `  blue       ${blue} is kept until ${clock(until, now)}; go back with ${COMMAND} rollback ${addressFlags({ service, environment })}`,
      ]
    : [`  blue       ${blue} was kept until ${clock(until, now)}`];
}

function undone({ undoes }: DeploymentStatus, now: number): string[] {
  return undoes ? [`  undoes     the run ${undoes.run}, ${undoes.closed} ${clock(undoes.closedAt, now)}`] : [];
}

function waiting({ waitingFor: wait }: DeploymentStatus, now: number, paint: Paint): string[] {
  if (!wait) return [];
  const until = wait.until === undefined ? '' : `, ${untilWords(wait, clock(wait.until, now))}`;
  return [
    '',
    `${paint.yellow('Waits for')} ${wait.what}`,
    `  since ${clock(wait.since, now)}${until}`,
    `  unblocked by ${withCommands(wait.unblockedBy)}`,
  ];
}

function checks({ server, at }: DeploymentSnapshot, { checks: all }: DeploymentStatus, paint: Paint): string[] {
  if (all.length === 0) return [];
  return [
    '',
    `${paint.bold('Checklist')}  ${checklistLine(all)}`,
    ...all.flatMap((check) => [
      `  ${checkLine(check, ANY_WIDTH, paint)}`,
      ...progressLines((isUnderWay(check) && checkProgress(check, server)) || {}, at, paint).map(
        (line) => `      ${line}`,
      ),
      ...(check.outcome === 'waiting' && check.statement !== undefined
        ? [`      ${check.id}: ${check.statement}`]
        : []),
      ...unblockLines(check).map((line, index) => `      ${index === 0 ? `${check.id}, ` : ''}${line}`),
      ...(check.remedies ?? []).map(
        ({ by, done, summary, output, durationMs }) =>
          `      remedy by ${by}, ${done ? 'done' : 'FAILED'} in ${formatDuration(durationMs)}: ${summary}${output === undefined ? '' : `: ${output}`}`,
      ),
    ]),
  ];
}

function steps(sight: DeploymentSnapshot, status: DeploymentStatus, paint: Paint): string[] {
  return status.steps.flatMap((step) => {
    const isCurrent = step === currentStep(status) && !status.rollback && !isClosed(status.phase);
    const gate = isCurrent ? gateLine(step, sight.at) : pastGateLine(step);
    const windows = step.windows.slice(-WINDOWS_SHOWN);
    return [
      '',
      `${paint.bold(`${step.percentage} %`)}  ${isCurrent ? soakLine(step, { now: sight.at, width: WIDTH / 2, answers: sight.unreachableReason === undefined }) : soakEnd(status, step)}`,
      ...(step.windows.length > windows.length ? [`  … ${step.windows.length - windows.length} earlier windows`] : []),
      ...windows.map((window) => `  ${windowLine(window, paint)}`),
      ...(isCurrent && sight.live && status.plan
        ? [
            ...indented(versionLines(versionsOf(sight, status.plan, step), WIDTH, paint).lines),
            `  now ${nowWords(sight.live, paint)}`,
          ]
        : []),
      ...indented(furtherLines((isCurrent ? sight.live?.analysis : undefined) ?? step.analysis, paint)),
      ...(step.moved ? [`  ${paint.yellow(`notice: ${movedLine(step.moved)}`)}`] : []),
      ...(gate === undefined ? [] : [`  gate ${gate}`]),
    ];
  });
}

function nowWords(live: NonNullable<DeploymentSnapshot['live']>, paint: Paint): string {
  const { text, colour } = judgedWords(live, 'within', paint);
  return colour(text);
}

function soakEnd(status: DeploymentStatus, step: DeploymentStatus['steps'][number]): string {
  const { provenAt, shiftedAt } = step;
  const cut = cutShort(step, status);
  const proven =
    provenAt === undefined ? undefined : `proven healthy after ${formatDurationRoughly(provenAt - shiftedAt)}`;
  if (!cut) return proven ?? 'ended';
  return proven === undefined
    ? `ended by ${cut.by} after ${formatDurationRoughly(cut.at - shiftedAt)}`
    : `${proven}, then ended at the open gate by ${cut.by} ${formatDurationRoughly(cut.at - (provenAt ?? shiftedAt))} later`;
}

function decisions({ decisions: all, forgottenDecisions }: DeploymentStatus, paint: Paint): string[] {
  if (all.length === 0) return [];
  return [
    '',
    paint.bold('Decisions'),
    ...all.map((one) => `  ${decisionLine(one, paint)}`),
    ...(forgottenDecisions > 0
      ? [`  … and ${forgottenDecisions} ignored ones, rechecks and retries that are no longer listed`]
      : []),
  ];
}

function undelivered({ undelivered: all }: DeploymentStatus, paint: Paint): string[] {
  const lines = undeliveredLines(all, paint);
  return lines.length === 0 ? [] : ['', paint.bold('Notifications not delivered'), ...indented(lines)];
}

/** Without the workflow's answer: what Temporal itself knows. */
function renderServer({ server, unreachableReason, lastKnown, at }: DeploymentSnapshot, paint: Paint): string[] {
  return [
    paint.bold(server.workflowId),
    `  state      ${server.state}${server.closedAt === undefined ? '' : ` since ${clock(server.closedAt, at)}`}`,
    ...(server.version === undefined ? [] : [`  version    ${server.version}`]),
    ...(server.phase === undefined ? [] : [`  phase      ${server.phase} (as of the last change)`]),
    ...(lastKnown && !hasEnded(server.state)
      ? [`  traffic    ${paint.red(lastKnownWords(lastKnown, at))} (as last known)`]
      : []),
    `  started    ${clock(server.startedAt, at)}`,
    `  run        ${server.runId}`,
    '',
    paint.yellow(`Only what Temporal knows is shown: ${unreachableReason ?? 'the workflow was not asked'}.`),
    ...(server.state === 'RUNNING'
      ? [
          `The deployment waits for a worker, and then continues where it stopped: ${START_WORKER}${server.build === undefined ? '' : `, with ${startedWith(server.build)}`}.`,
        ]
      : []),
    ...paused(server, at).flatMap((text) => ['', paint.red(text)]),
    ...underWay(server.pending, at, paint),
  ];
}

function underWay(pending: ServerView['pending'], now: number, paint: Paint): string[] {
  const lines = pending.flatMap(({ activity, attempt, problem, progress = {} }) => {
    const said = progress.check === undefined ? progressLines(progress, now, paint) : [];
    if (problem === undefined && said.length === 0) return [];
    return [
      `  ${activity}, attempt ${attempt}${problem === undefined ? '' : `: ${problem}`}`,
      ...indented(indented(said)),
    ];
  });
  return lines.length === 0 ? [] : ['', paint.bold('Under way'), ...lines];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

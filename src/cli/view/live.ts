import stringWidth from 'string-width';
import {
  currentStep,
  type DeploymentStatus,
  type GateStatus,
  isApproved,
  isClosed,
  isPassed,
  isUnderWay,
  missingApprovals,
  openGate,
  pendingWords,
  titleOf,
  withoutAnswer,
} from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import { withCommands } from '../decision-kinds.ts';
import { checkLine, checklistLine, checkProgress, progressLines, rollbackProgress } from './checks.ts';
import { type Block, fitToHeight } from './fit-to-height.ts';
import { clock, formatDurationRoughly } from './format.ts';
import { lastKnownWords } from './last-known.ts';
import { clip, wrap } from './layout.ts';
import type { Paint } from './output.ts';
import { paused } from './paused.ts';
import { pathLine, pathLines } from './progress.ts';
import {
  atWords,
  decisionLine,
  forwardOnlyLines,
  furtherLines,
  gateLine,
  judgedWords,
  paintPhase,
  recoveryClock,
  rollbackSteps,
  rollbackTroubles,
  soakLine,
  trafficWords,
  untilWords,
} from './sections.ts';
import type { DeploymentSnapshot } from './snapshot.ts';
import { isOverNow, versionLines, versionsOf } from './versions.ts';

export interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** What goes first where there is not room for all, from the least. */
const MATTERS = {
  checklist: 0,
  air: 1,
  traffic: 2,
  decisions: 3,
  steps: 4,
  numbers: 5,
  path: 6,
  soak: 7,
  gate: 8,
  verdict: 8,
  troubles: 9,
  head: 10,
  asked: 11,
} as const;

const DECISIONS_SHOWN = 3;

/** The live view: the present on one screen, whatever its size; made anew with each look. Pure. */
export function renderLive(
  sight: DeploymentSnapshot,
  room: Room,
  paint: Paint,
  footer: readonly string[] = [],
): string[] {
  const { status, unreachableReason, lastKnown, at } = sight;
  const traffic = lastKnown === undefined ? '' : `; ${lastKnownWords(lastKnown, at)}`;
  const notice =
    unreachableReason === undefined
      ? []
      : wrap(`! ${unreachableReason}; showing the last known state${traffic}`, room.columns).map((line) =>
          paint.yellow(line),
        );
  const below: Block[] = [
    ...paused(sight.server, at).map((line) => ({
      matters: MATTERS.troubles,
      ...paragraph(`! ${line}`, room.columns, paint.red),
    })),
    { matters: MATTERS.troubles, lines: notice },
    { matters: MATTERS.troubles, ...undeliveredNotice(status, room, paint) },
    { matters: MATTERS.asked, lines: footer.flatMap((line) => wrap(line, room.columns)) },
  ];
  // The line below the view is the cursor's.
  const rows = room.rows - 1;
  if (!status)
    return fitToHeight([{ matters: MATTERS.head, lines: withoutStatus(sight, room, paint) }, ...below], rows);

  const snapshot = { ...sight, status };
  const head: Block[] = [
    { matters: MATTERS.head, lines: titleLines(snapshot, room, paint) },
    {
      matters: MATTERS.path,
      lines: pathLines(snapshot, room.columns, paint),
      short: [pathLine(snapshot, room.columns, paint)],
    },
    { matters: MATTERS.traffic, lines: [paint.dim(clip(`traffic: ${trafficWords(snapshot)}`, room.columns))] },
    ...forwardOnlyLines(status).map((line) => ({
      matters: MATTERS.troubles,
      ...paragraph(`! ${line}`, room.columns, paint.yellow),
    })),
  ];
  const tail: Block[] = [...waitBlocks(sight, status, room, paint), ...decisionBlocks(status, room, paint), ...below];
  return fitToHeight([...head, ...body(snapshot, room, paint), ...tail], rows);
}

/** People who wait for an answer have to know that the notification did not arrive. */
function undeliveredNotice(status: DeploymentStatus | undefined, { columns }: Room, paint: Paint) {
  const all = status?.undelivered ?? [];
  const last = all.at(-1);
  if (!last) return { lines: [] };
  const text = `! ${count(all.length, 'notification')} not delivered; ${all.length > 1 ? 'the last: ' : ''}${last.problem}`;
  return paragraph(text, columns, paint.yellow);
}

function titleLines({ status, at }: AnsweredSnapshot, { columns }: Room, paint: Paint): string[] {
  const { service, version, phaseSince } = status;
  const now = `  ${paintPhase(status, paint)}${atWords(status)}  ${paint.dim(formatDurationRoughly(at - phaseSince))}`;
  const full = `${paint.bold(titleOf(status))}${now}`;
  return stringWidth(full) <= columns ? [full] : wrap(`${paint.bold(`${service} ${version}`)}${now}`, columns);
}

function withoutStatus({ server }: DeploymentSnapshot, { columns }: Room, paint: Paint): string[] {
  const phase = server.phase === undefined ? '' : `, last known phase: ${server.phase}`;
  return [
    paint.bold(clip(server.workflowId, columns)),
    ...wrap(`${server.state}${phase}, started at ${clock(server.startedAt)}`, columns),
    ...(server.pending.length === 0 ? [paint.dim('waiting for a worker')] : []),
    ...server.pending.flatMap(({ activity, attempt, problem }) =>
      wrap(`${activity}, attempt ${attempt}: ${problem ?? 'under way'}`, columns),
    ),
  ];
}

type AnsweredSnapshot = DeploymentSnapshot & { readonly status: DeploymentStatus };

function body(snapshot: AnsweredSnapshot, room: Room, paint: Paint): Block[] {
  const { status } = snapshot;
  if (status.rollback) return rollbackBlocks(snapshot, status.rollback, room, paint);
  const step = currentStep(status);
  return step && status.plan && !isClosed(status.phase)
    ? soakBlocks(snapshot, room, paint)
    : checklistBlocks(snapshot, room, paint);
}

function soakBlocks(snapshot: AnsweredSnapshot, room: Room, paint: Paint): Block[] {
  const { status, at } = snapshot;
  const { plan } = status;
  const step = currentStep(status);
  if (!step || !plan) return [];
  const { columns } = room;
  const live = snapshot.live ?? step.windows.at(-1);
  const soakMs = plan.traffic[status.steps.length - 1]?.soakMs;
  const bar = soakLine(step, {
    now: at,
    width: Math.min(columns, 100),
    answers: snapshot.unreachableReason === undefined,
    ...(soakMs === undefined ? {} : { soakMs }),
  });
  const judged = live && judgedWords(live, isOverNow(snapshot.live, plan) ? 'over' : 'within', paint);
  const checks = [`Checklist: ${checklistLine(status.checks)}`].map((line) => paint.dim(clip(line, columns)));
  const numbers = versionLines(versionsOf(snapshot, plan, step), columns, paint);
  const fit = (lines: readonly string[]): string[] => lines.map((line) => clip(line, room.columns));
  const problem = snapshot.live?.problem;
  const further = snapshot.live?.analysis ?? step.analysis;
  const gate = status.phase === 'soaking' ? gateLine(step, at) : undefined;
  return [
    {
      matters: MATTERS.checklist,
      lines: [...checks, ...status.checks.map((check) => checkLine(check, columns, paint))],
      short: checks,
    },
    air(),
    { matters: MATTERS.soak, lines: [clip(bar, columns)] },
    air(),
    { matters: MATTERS.numbers, lines: fit(numbers.lines), short: fit(numbers.short) },
    air(),
    {
      matters: MATTERS.numbers,
      lines: fit(furtherLines(further, paint)),
      short: fit(
        furtherLines(
          further?.filter(({ verdict }) => verdict !== 'healthy'),
          paint,
        ),
      ),
    },
    {
      matters: MATTERS.verdict,
      ...(judged ? paragraph(`judge  ${judged.text}`, columns, judged.colour) : { lines: [] }),
    },
    {
      matters: MATTERS.troubles,
      ...(problem === undefined ? { lines: [] } : paragraph(`! no fresh numbers: ${problem}`, columns, paint.yellow)),
    },
    // What a person may do now stands below, among the keys.
    {
      matters: MATTERS.steps,
      ...(gate === undefined ? { lines: [] } : paragraph(`gate   ${gate}`, columns, paint.reset)),
    },
  ];
}

/** An empty line, the first to go. */
function air(): Block {
  return { matters: MATTERS.air, lines: [''], short: [] };
}

/** A text that may take up to so many lines where there is little room. */
const SHORT_LINES = 2;

function paragraph(text: string, columns: number, colour: Paint): Pick<Block, 'lines' | 'short'> {
  const lines = wrap(text, columns);
  const [kept, rest] = [lines.slice(0, SHORT_LINES - 1), lines.slice(SHORT_LINES - 1)];
  const shortened = lines.length <= SHORT_LINES ? lines : [...kept, clip(`${rest[0] ?? ''} …`, columns)];
  return { lines: lines.map((line) => colour(line)), short: shortened.map((line) => colour(line)) };
}

function rollbackBlocks(
  { status, server, at }: AnsweredSnapshot,
  rollback: NonNullable<DeploymentStatus['rollback']>,
  { columns }: Room,
  paint: Paint,
): Block[] {
  const { cause, reason } = rollback;
  const targetMs = status.plan?.recovery.targetMs;
  const fit = (line: string): string[] => wrap(line, columns);
  return [
    air(),
    { matters: MATTERS.verdict, ...paragraph(`${cause}: ${reason}`, columns, paint.red) },
    air(),
    {
      matters: MATTERS.soak,
      lines:
        targetMs === undefined
          ? []
          : [recoveryClock(rollback, { now: at, width: Math.min(columns, 100), targetMs }, paint)],
    },
    { matters: MATTERS.steps, lines: rollbackSteps(rollback).flatMap(fit) },
    { matters: MATTERS.troubles, lines: rollbackTroubles(rollback, paint).flatMap(fit) },
    { matters: MATTERS.troubles, lines: rollbackProgress(server, at, paint).flatMap(fit) },
  ];
}

/** What is open comes first when there is not room for all. */
function checklistBlocks({ status: { checks }, server, at }: AnsweredSnapshot, room: Room, paint: Paint): Block[] {
  const title = clip(`Checklist: ${checklistLine(checks)}`, room.columns);
  const line = (check: (typeof checks)[number]): string => checkLine(check, room.columns, paint);
  const openFirst = [...checks.filter((check) => !isPassed(check)), ...checks.filter(isPassed)];
  const all = [title, ...checks.map(line)];
  // Title, path, traffic and what stands below need about so much.
  const shown = Math.max(1, room.rows - 11);
  const some = [title, ...openFirst.slice(0, shown).map(line), paint.dim(`… and ${checks.length - shown} more`)];
  const heldUp = checks.filter(isUnderWay).flatMap((check) => {
    const progress = checkProgress(check, server);
    return progress?.waitsFor ? [check.title, ...progressLines(progress, at, paint).map((text) => `  ${text}`)] : [];
  });
  return [
    air(),
    { matters: MATTERS.soak, lines: all, ...(checks.length > shown + 1 ? { short: some } : {}) },
    ...(heldUp.length === 0 ? [] : [air()]),
    { matters: MATTERS.troubles, lines: heldUp.flatMap((text) => wrap(text, room.columns)) },
  ];
}

function waitBlocks({ at }: DeploymentSnapshot, status: DeploymentStatus, { columns }: Room, paint: Paint): Block[] {
  const { waitingFor: wait, phase } = status;
  const { undecided, unwatched } = currentStep(status) ?? {};
  const isUsual = !undecided && !unwatched;
  // The soak's own line says it already, with a bar.
  if (!wait || (phase === 'soaking' && isUsual)) return [];
  const gate = phase === 'awaiting-approval' && isUsual ? openGate(status) : undefined;
  if (gate && !isApproved(gate))
    return [
      air(),
      {
        matters: MATTERS.gate,
        lines: wrap(gateQuestion(status, gate, at), columns).map((line) => paint.yellow.bold(line)),
      },
    ];
  const until =
    wait.until === undefined
      ? ''
      : ` (${untilWords(wait, clock(wait.until, at))}, ${formatDurationRoughly(wait.until - at)} left)`;
  return [
    air(),
    { matters: MATTERS.gate, ...paragraph(`waits for ${wait.what}${until}`, columns, paint.yellow) },
    // A rollback that goes on needs nobody.
    ...(phase === 'rolling-back'
      ? []
      : [
          {
            matters: MATTERS.steps,
            ...paragraph(`unblocked by ${withCommands(wait.unblockedBy)}`, columns, paint.reset),
          },
        ]),
  ];
}

/** What is asked of whom until when. */
function gateQuestion(status: DeploymentStatus, gate: GateStatus, now: number): string {
  const { id, until } = gate;
  const next = status.plan?.traffic[status.steps.length];
  const time = until === undefined ? '' : ` until ${clock(until, now)} (${formatDurationRoughly(until - now)} left)`;
  return `? GATE ${id}: ${missingApprovals(gate, status.requestedBy)} needed${time} to shift to ${next?.percentage ?? '?'} %; ${withoutAnswer(gate)}${pendingWords(gate)}`;
}

function decisionBlocks({ decisions }: DeploymentStatus, room: Room, paint: Paint): Block[] {
  const shown = decisions.slice(-DECISIONS_SHOWN).map((one) => clip(decisionLine(one, paint), room.columns));
  return shown.length === 0 ? [] : [air(), { matters: MATTERS.decisions, lines: shown, short: shown.slice(-1) }];
}

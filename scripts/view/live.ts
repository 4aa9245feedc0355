import { stripVTControlCharacters } from 'node:util';
import { currentStep, type DeploymentStatus, isClosed, isPassed } from '../../src/workflows/status.ts';
import { checkLine, checklistLine } from './checks.ts';
import type { Paint } from './output.ts';
import {
  atWords,
  decisionLine,
  gateLine,
  liveTable,
  paintPhase,
  pathLine,
  rollbackLines,
  soakLine,
  trafficWords,
  verdictWords,
} from './sections.ts';
import type { Sight } from './sight.ts';
import { clip, clock, roughly, wrap } from './words.ts';

export interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** The live view: the present on one screen, whatever its size; made anew each second. Pure. */
export function renderLive(sight: Sight, room: Room, paint: Paint, footer: readonly string[] = []): string[] {
  const { status, silent } = sight;
  const below = footer.flatMap((line) => wrap(line, room.columns));
  const notices =
    silent === undefined ? [] : [paint.yellow(clip(`! ${silent}; this is what was seen last`, room.columns))];
  if (!status) return [...withoutStatus(sight, paint), ...notices, ...below];
  const { phase, phaseSince } = status;
  const head = [
    `${paint.bold(`${status.service} ${status.version} to ${status.environment}`)}  ${paintPhase(phase, paint)}${atWords(status)}  ${paint.dim(roughly(sight.at - phaseSince))}`,
    pathLine(status, paint),
    paint.dim(clip(`traffic: ${trafficWords(status)}`, room.columns)),
    '',
  ];
  const tail = [...waitLines(status, room, paint), ...decisionLines(status, room, paint), ...notices, ...below];
  const left = room.rows - 1 - head.length - tail.length;
  return [...head, ...body(sight, status, { ...room, rows: left }, paint), ...tail];
}

function withoutStatus({ server }: Sight, paint: Paint): string[] {
  const phase = server.phase === undefined ? '' : `, last known phase: ${server.phase}`;
  return [
    paint.bold(server.workflowId),
    `${server.state}${phase}, started at ${clock(server.startedAt)}`,
    ...(server.pending.length === 0 ? [paint.dim('a worker has to take it up')] : []),
    ...server.pending.map(
      ({ activity, attempt, problem }) => `${activity}, attempt ${attempt}: ${problem ?? 'under way'}`,
    ),
  ];
}

function body(sight: Sight, status: DeploymentStatus, room: Room, paint: Paint): string[] {
  const { rollback, plan } = status;
  if (rollback)
    return fitted(
      rollbackLines(rollback, plan?.recovery.targetMs, paint).flatMap((line) => wrap(line, room.columns)),
      room.rows,
    );
  const step = currentStep(status);
  if (step && plan && !isClosed(status.phase)) {
    const live = sight.live ?? step.windows.at(-1);
    const gate = gateLine(step, sight.at);
    return fitted(
      [
        paint.dim(`Checklist: ${checklistLine(status.checks)}`),
        soakLine(step, sight.at, Math.min(room.columns, 100)),
        ...liveTable(sight.live, plan, paint),
        ...(live ? wrap(`judged ${verdictWords(live, paint)}`, room.columns) : []),
        ...(gate === undefined ? [] : [clip(`gate   ${gate}`, room.columns)]),
      ],
      room.rows,
    );
  }
  return checklist(status, room, paint);
}

/** What is open comes first when there is not room for all. */
function checklist({ checks }: DeploymentStatus, room: Room, paint: Paint): string[] {
  const title = `Checklist: ${checklistLine(checks)}`;
  const room4checks = Math.max(1, room.rows - 1);
  const line = (check: (typeof checks)[number]): string => checkLine(check, room.columns, paint);
  if (checks.length <= room4checks) return [title, ...checks.map(line)];
  const openFirst = [...checks.filter((check) => !isPassed(check)), ...checks.filter(isPassed)];
  const shown = openFirst.slice(0, Math.max(1, room4checks - 1));
  return [title, ...shown.map(line), paint.dim(`… and ${checks.length - shown.length} more`)];
}

function waitLines({ waitingFor: wait, phase }: DeploymentStatus, { columns }: Room, paint: Paint): string[] {
  // The soak's own line says it already, with a bar.
  if (!wait || phase === 'soaking') return [];
  const until = wait.until === undefined ? '' : ` (until ${clock(wait.until)})`;
  return [
    '',
    paint.yellow(clip(`waits for ${wait.what}${until}`, columns)),
    clip(`unblocked by ${wait.unblockedBy}`, columns),
  ];
}

const DECISIONS_SHOWN = 3;

function decisionLines({ decisions }: DeploymentStatus, { columns }: Room, paint: Paint): string[] {
  if (decisions.length === 0) return [];
  return ['', ...decisions.slice(-DECISIONS_SHOWN).map((one) => firstOf(decisionLine(one, paint), { columns }))];
}

/** A line that may hold colours, cut to the width; colours are given up where it has to be cut. */
function firstOf(line: string, { columns }: Pick<Room, 'columns'>): string {
  const bare = stripVTControlCharacters(line);
  return Array.from(bare).length <= columns ? line : clip(bare, columns);
}

function fitted(lines: readonly string[], rows: number): string[] {
  return lines.slice(0, Math.max(1, rows));
}

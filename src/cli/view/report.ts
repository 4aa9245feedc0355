import { type CutShort, cutShort, type DeploymentReport, rollbackPromise } from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import { EXIT } from '../exit-codes.ts';
import { checkLine, checklistLine, unblockLines } from './checks.ts';
import { clock, formatDuration, formatDurationRoughly, share } from './format.ts';
import type { Outcome } from './outcome.ts';
import type { Paint } from './output.ts';
import { decisionLine, furtherLines, rollbackLines, undeliveredLines } from './sections.ts';

/** The end of a deployment; the lines of the checklist are cut to `columns`. Pure. */
export function renderReport({ exitCode, summary, report }: Outcome, paint: Paint, columns: number): string[] {
  const head = report?.undoes && exitCode === EXIT.ok ? 'ROLLED BACK' : (HEADS[exitCode] ?? 'FAILED');
  const colour =
    exitCode === EXIT.ok ? paint.green.bold : exitCode === EXIT.cancelled ? paint.yellow.bold : paint.red.bold;
  const title = `${colour(head)}  ${summary}`;
  if (!report) return [title];
  const { startedAt, endedAt, environment, requestedBy, reason, rollback, checks, decisions } = report;
  // A refused release never got traffic: there is nothing to go back from.
  const promise = report.outcome === 'refused' ? undefined : rollbackPromise(report);
  const undelivered = undeliveredLines(report.undelivered, paint);
  return [
    title,
    '',
    `  what       ${report.service} ${versionsWords(report)} in ${environment}`,
    ...(requestedBy === undefined ? [] : [`  asked by   ${requestedBy}${reason === undefined ? '' : `: ${reason}`}`]),
    `  took       ${formatDuration(endedAt - startedAt)}, ${clock(startedAt, endedAt)} to ${clock(endedAt, endedAt)}`,
    ...(checks.length > 0
      ? [
          `  checklist  ${checklistLine(checks)}`,
          ...checks.flatMap((check) => [
            `    ${checkLine(check, columns - 4, paint)}`,
            ...unblockLines(check).map((line) => `      ${line}`),
          ]),
        ]
      : []),
    ...report.steps
      .flatMap((step) => [
        ...stepLines(step, report),
        ...furtherLines(step.analysis, paint).map((line) => `${' '.repeat(10)} ${line}`),
      ])
      .map((line) => `  ${line}`),
    ...(promise === undefined ? [] : [`  schema     ${promise}.`]),
    ...(rollback
      ? [
          '  rollback',
          ...rollbackLines(rollback, { targetMs: rollback.targetMs, now: [] }, paint).map((line) => `    ${line}`),
        ]
      : []),
    ...(decisions.length > 0 ? ['  decisions', ...decisions.map((one) => `    ${decisionLine(one, paint)}`)] : []),
    ...(undelivered.length > 0 ? ['  notifications not delivered', ...undelivered.map((line) => `    ${line}`)] : []),
    ...(report.leftOut === undefined ? [] : [paint.dim(`  left out: ${report.leftOut}`)]),
  ];
}

/** From the version before to the one after. */
export function versionsWords({
  undoes,
  blue,
  version,
}: Pick<DeploymentReport, 'undoes' | 'blue' | 'version'>): string {
  if (blue === undefined) return version;
  return undoes ? `${version} -> ${blue}` : `${blue} -> ${version}`;
}

const HEADS: Readonly<Record<number, string>> = {
  [EXIT.ok]: 'COMPLETED',
  [EXIT.rolledBack]: 'ROLLED BACK',
  [EXIT.refused]: 'REFUSED',
  [EXIT.cancelled]: 'CANCELLED',
  [EXIT.endedByForce]: 'ENDED BY FORCE',
};

type Step = DeploymentReport['steps'][number];

/**
 * `50 %       soaked 20 s, proven healthy: 402 requests to green in 20 s, 0.0 % failed`, and a line of its own for the time at
 * the open gate: what happened there must not stand beside the verdict of the soak.
 */
function stepLines(step: Step, report: DeploymentReport): string[] {
  const { percentage, shiftedAt, provenAt, windows, gate } = step;
  const cut = cutShort(step, report);
  // By its middle: a window's times are those of its worker, whose clock may be a little off.
  const isAtGate = ({ from, to }: Step['windows'][number]): boolean =>
    provenAt !== undefined && (from + to) / 2 > provenAt;
  const soaked = (provenAt ?? cut?.at ?? report.endedAt) - shiftedAt;
  const verdict =
    provenAt !== undefined
      ? 'proven healthy'
      : cut?.cause === 'breach'
        ? 'ended by a breach'
        : `not proven healthy${cut ? ` (${cut.cause})` : ''}`;
  const soak = `soaked ${formatDurationRoughly(soaked)}, ${verdict}: ${countsOf(windows.filter((window) => !isAtGate(window)))}`;

  const gateEndedAt = gate?.passedAt ?? (cut?.during === 'gate' ? cut.at : undefined);
  const lines = [`${`${percentage} %`.padEnd(10)} ${soak}`];
  if (provenAt === undefined || gateEndedAt === undefined) return lines;
  const atGate = windows.filter(isAtGate);
  const counts = atGate.length > 0 ? `: ${countsOf(atGate)}` : '';
  return [
    ...lines,
    `${' '.repeat(10)} gate open ${formatDurationRoughly(gateEndedAt - provenAt)}, ${gateEnd(gate, cut)}${counts}`,
  ];
}

function gateEnd(gate: Step['gate'], cut: CutShort | undefined): string {
  if (!cut) return `approved by ${gate?.approvedBy.join(', ')}`;
  return cut.cause === 'breach' ? 'ended by a breach' : `not passed (${cut.cause})`;
}

/** What these windows counted, and over how long: of a long soak not all are kept. */
function countsOf(windows: Step['windows']): string {
  const [first, last] = [windows[0], windows.at(-1)];
  if (!first || !last) return 'no finished window is kept';
  const requests = windows.reduce((sum, { green }) => sum + green.requests, 0);
  const failed = windows.reduce((sum, { green }) => sum + green.failed, 0);
  return `${count(requests, 'request')} to green in ${formatDurationRoughly(last.to - first.from)}, ${share(failed, requests)} failed`;
}

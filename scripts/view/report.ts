import type { DeploymentReport } from '../../src/report/report.ts';
import { EXIT } from '../commands/exit-codes.ts';
import { checkLine, checklistLine } from './checks.ts';
import type { Outcome } from './outcome.ts';
import type { Paint } from './output.ts';
import { decisionLine, rollbackLines, undeliveredLines } from './sections.ts';
import { clock, count, exactly, roughly, share } from './words.ts';

/** The end of a deployment; the lines of the checklist are cut to `columns`. Pure. */
export function renderReport({ exitCode, summary, report }: Outcome, paint: Paint, columns: number): string[] {
  const head = HEADS[exitCode] ?? 'FAILED';
  const colour =
    exitCode === EXIT.ok ? paint.green.bold : exitCode === EXIT.cancelled ? paint.yellow.bold : paint.red.bold;
  const title = `${colour(head)}  ${summary}`;
  if (!report) return [title];
  const { startedAt, endedAt, blue, version, environment, requestedBy, reason, rollback, checks, decisions } = report;
  const undelivered = undeliveredLines(report.undelivered, paint);
  return [
    title,
    '',
    `  what       ${report.service} ${blue === undefined ? '' : `${blue} -> `}${version} in ${environment}`,
    ...(requestedBy === undefined ? [] : [`  asked by   ${requestedBy}${reason === undefined ? '' : `: ${reason}`}`]),
    `  took       ${exactly(endedAt - startedAt)}, ${clock(startedAt, endedAt)} to ${clock(endedAt, endedAt)}`,
    ...(checks.length > 0
      ? [
          `  checklist  ${checklistLine(checks)}`,
          ...checks.map((check) => `    ${checkLine(check, columns - 4, paint)}`),
        ]
      : []),
    ...report.steps.map((step) => `  ${stepLine(step, report)}`),
    ...(rollback
      ? ['  rollback', ...rollbackLines(rollback, rollback.targetMs, paint).map((line) => `    ${line}`)]
      : []),
    ...(decisions.length > 0 ? ['  decisions', ...decisions.map((one) => `    ${decisionLine(one, paint)}`)] : []),
    ...(undelivered.length > 0 ? ['  notifications not delivered', ...undelivered.map((line) => `    ${line}`)] : []),
    ...(report.leftOut === undefined ? [] : [paint.dim(`  left out: ${report.leftOut}`)]),
  ];
}

const HEADS: Readonly<Record<number, string>> = {
  [EXIT.ok]: 'COMPLETED',
  [EXIT.rolledBack]: 'ROLLED BACK',
  [EXIT.refused]: 'REFUSED',
  [EXIT.cancelled]: 'CANCELLED',
  [EXIT.endedByForce]: 'ENDED BY FORCE',
};

/** `50 %  soaked 20 s: 402 requests to green, 0.0 % failed, healthy; approved by ana after 4.2 s` */
function stepLine(
  { percentage, shiftedAt, provenAt, windows, gate }: DeploymentReport['steps'][number],
  report: DeploymentReport,
): string {
  const soaked = (provenAt ?? report.rollback?.detectedAt ?? report.endedAt) - shiftedAt;
  const requests = windows.reduce((sum, { green }) => sum + green.requests, 0);
  const failed = windows.reduce((sum, { green }) => sum + green.failed, 0);
  const verdict = provenAt === undefined ? (windows.at(-1)?.verdict ?? 'no window was finished') : 'healthy';
  const approved =
    gate?.passedAt === undefined
      ? ''
      : `; approved by ${gate.approvedBy.join(', ')}, gate passed ${roughly(gate.passedAt - (provenAt ?? shiftedAt))} later`;
  return `${`${percentage} %`.padEnd(10)} ${provenAt === undefined ? 'watched' : 'soaked'} ${roughly(soaked)}: ${count(requests, 'request')} to green, ${share(failed, requests)} failed, ${verdict}${approved}`;
}

import { greenLeftWords, recoveryWords, restoredWords } from '../domain/index.ts';
import { capitalized } from '../format/index.ts';
import type { ReportDocument } from './document.ts';
import { length, sentence } from './format.ts';

export interface MomentView {
  readonly at: number;
  readonly text: string;
  readonly tone: 'good' | 'bad' | 'quiet';
}

/** What happened when, the oldest first. */
export function timelineOf(document: ReportDocument): MomentView[] {
  const { startedAt, endedAt, deployedAt, steps, rollback, decisions, checks, version, outcome } = document;
  const recovered = rollback?.recovered;
  const moment = (at: number | undefined, text: string, tone: MomentView['tone'] = 'quiet'): MomentView[] =>
    at === undefined ? [] : [{ at, text, tone }];
  const measured = checks.flatMap(({ result, decidedBy }) =>
    [result && result.checkedAt + result.durationMs, decidedBy?.at].filter((at) => at !== undefined),
  );
  const moments = [
    ...moment(startedAt, document.requestedBy === undefined ? 'Asked for' : `Asked for by ${document.requestedBy}`),
    ...(deployedAt === undefined && measured.length > 0
      ? moment(Math.max(...measured), 'Checklist measured for the last time')
      : []),
    ...moment(deployedAt, `Green ${version} deployed at 0 % of the traffic`),
    ...checks.flatMap(({ title, remedies = [] }) =>
      remedies.flatMap(({ startedAt: at, done, by }) =>
        moment(at, `Remedy for "${title}" run for ${by}${done ? '' : ': it did not help'}`, done ? 'quiet' : 'bad'),
      ),
    ),
    ...(document.holds ?? []).flatMap(({ from, to, what }) => [
      ...moment(from, `Held by ${what}`),
      ...moment(to, `Held no more, after ${length(to - from)}`),
    ]),
    ...steps.flatMap(({ percentage, shiftedAt, extended, provenAt, gate, moved }) => [
      ...moment(shiftedAt, `Green has ${percentage} % of the traffic; the soak begins`),
      ...moment(extended?.at, `Soak at ${percentage} % extended, not proven yet: ${extended?.reason}`),
      ...moment(
        provenAt,
        `Soak at ${percentage} % proven healthy after ${length((provenAt ?? 0) - shiftedAt)}`,
        'good',
      ),
      ...moment(
        moved?.at,
        `Traffic moved by somebody else ${moved?.times === 1 ? 'once' : `${moved?.times} times`}${moved?.setRightAt === undefined ? '' : ', and set right'}; found ${moved?.found}${moved?.by === undefined ? '' : `. ${sentence(moved.by)}`}`,
        'bad',
      ),
      ...moment(gate?.passedAt, `Gate ${gate?.id} passed, approved by ${gate?.approvedBy.join(', ')}`, 'good'),
    ]),
    ...decisions.flatMap(({ at, action, by, reason, check, taken }) =>
      taken
        ? moment(
            at,
            `Decision: ${action}${check === undefined ? '' : ` ${check}`} by ${by}${reason === undefined ? '' : `: ${reason}`}`,
          )
        : [],
    ),
    ...(rollback
      ? [
          ...moment(
            rollback.detectedAt,
            `${rollback.cause === 'breach' ? 'Breach' : 'Rollback needed'}: ${sentence(rollback.reason)}`,
            'bad',
          ),
          ...moment(
            rollback.restored?.restoredAt,
            rollback.restored ? capitalized(restoredWords(rollback.restored)) : '',
          ),
          ...moment(
            rollback.restored?.greenLeft?.at,
            `${capitalized(greenLeftWords(rollback.restored) ?? '')}.`,
            'bad',
          ),
          ...moment(
            recovered?.healthyAt,
            recovered ? recoveryWords(recovered) : '',
            recovered?.accepted ? 'quiet' : 'good',
          ),
        ]
      : []),
  ].toSorted((a, b) => a.at - b.at);
  return [...moments, ...moment(endedAt, `Closed as ${outcome}`, outcome === 'completed' ? 'good' : 'quiet')];
}

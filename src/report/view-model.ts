import { greenLeftWords, type Phase, recoveryWords, restoredWords, rollbackPromise, titleOf } from '../domain/index.ts';
import { capitalized, count, dateTime, timeOfDay } from '../format/index.ts';
import type { ReportDocument } from './document.ts';
import { length, sentence } from './format.ts';
import { type CheckView, checksOf } from './view-checks.ts';
import { type SoakView, soaksOf } from './view-soaks.ts';
import { type MomentView, timelineOf } from './view-timeline.ts';

/** The texts of a report, the same for every format: plain text, which each format escapes in its own way. Pure. */
export interface ReportView {
  readonly title: string;
  /** `ROLLED BACK`, and whether that is good news. */
  readonly badge: string;
  readonly tone: 'good' | 'bad' | 'quiet';
  /** The outcome in one sentence or two. */
  readonly lead: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly why: readonly string[];
  readonly timeline: readonly MomentView[];
  readonly soaks: readonly SoakView[];
  readonly rollback: { readonly rows: readonly (readonly string[])[]; readonly notes: readonly string[] } | undefined;
  /** When, what, who, why, and what became of it. */
  readonly decisions: readonly (readonly string[])[];
  /** Notifications that did not reach every channel. */
  readonly undelivered: readonly string[];
  readonly checks: readonly CheckView[];
  readonly about: readonly string[];
}

export function toReportView(document: ReportDocument): ReportView {
  const { outcome } = document;
  const [badge, tone] = isChecklistOnly(document)
    ? (['CHECKLIST PASSED', 'good'] as const)
    : (BADGES[outcome] ?? IN_BETWEEN);
  return {
    title: titleOf({ ...document, service: document.service || 'A deployment' }),
    badge,
    tone,
    lead: sentence(document.summary),
    facts: factsOf(document),
    why: whyOf(document),
    timeline: timelineOf(document),
    soaks: soaksOf(document),
    rollback: rollbackOf(document),
    decisions: decisionsOf(document),
    undelivered: (document.undelivered ?? []).map(
      ({ at, severity, text, problem }) =>
        `${timeOfDay(at)}, ${severity}: ${sentence(text)} Not delivered: ${sentence(problem)}`,
    ),
    checks: checksOf(document),
    about: aboutOf(document),
  };
}

const IN_BETWEEN = ['NOT ENDED BY ITSELF', 'bad'] as const;
const BADGES: Partial<Record<Phase, readonly [string, ReportView['tone']]>> = {
  completed: ['COMPLETED', 'good'],
  'rolled-back': ['ROLLED BACK', 'bad'],
  refused: ['REFUSED', 'quiet'],
  cancelled: ['CANCELLED', 'quiet'],
};

function isChecklistOnly({ outcome, steps }: ReportDocument): boolean {
  return outcome === 'completed' && steps.length === 0;
}

function factsOf(document: ReportDocument): ReportView['facts'] {
  const { environment, requestedBy, reason, startedAt, endedAt, runbookDigest, rollback, outcome, undoes } = document;
  const { recovered, recoveryMs, targetMs = 0, withinTarget } = rollback ?? {};
  const promise = rollbackPromise(document);
  const fact = (name: string, value: string | undefined): [string, string][] =>
    value === undefined ? [] : [[name, value]];
  return [
    ...fact('Version', versionsOf(document)),
    ...fact('Environment', environment),
    ...fact('Undoes', undoes && `the run ${undoes.run}, ${undoes.closed} ${dateTime(undoes.closedAt)}`),
    ...fact('Asked for by', requestedBy && `${requestedBy}${reason === undefined ? '' : `: ${reason}`}`),
    ...fact('Started', dateTime(startedAt)),
    ...fact('Took', length(endedAt - startedAt)),
    ...fact(
      'Recovery',
      recoveryMs === undefined
        ? recovered && 'not measured'
        : `${length(recoveryMs)}, ${withinTarget ? 'within' : 'LATER THAN'} the target of ${length(targetMs)}`,
    ),
    ...fact('Schema', outcome === 'refused' ? undefined : promise && sentence(promise)),
    ...fact('Runbook', runbookDigest && `sha256 ${runbookDigest.slice(0, 12)}`),
  ];
}

function versionsOf({ blue, version, undoes }: ReportDocument): string {
  if (blue === undefined) return version;
  return undoes ? `${version} (green) back to ${blue} (blue)` : `${blue} (blue) to ${version} (green)`;
}

function whyOf(document: ReportDocument): string[] {
  const { rollback, steps, outcome } = document;
  if (rollback)
    return [`${CAUSES[rollback.cause]} at ${timeOfDay(rollback.detectedAt)} UTC. ${sentence(rollback.reason)}`];
  if (outcome !== 'completed') return [];
  return steps.flatMap(({ percentage, windows }) => {
    const last = windows.findLast(({ verdict }) => verdict === 'healthy');
    return last ? [`At ${percentage} %: ${sentence(last.reason)}`] : [];
  });
}

const CAUSES: Readonly<Record<NonNullable<ReportDocument['rollback']>['cause'], string>> = {
  breach: 'The watch found green in breach of its limits',
  inconclusive: 'Green could not be proven healthy; that was decided',
  'gate-timeout': 'Nobody approved in time; the gate closed',
  'freeze-timeout': 'A freeze did not end in time',
  rejected: 'A person rejected it',
  aborted: 'A person aborted it',
  cancelled: 'The deployment was cancelled',
  'failed-step': 'A step failed',
  requested: 'A person requested it',
  'evidence-lost': 'Nobody could watch; that was found',
  'history-full': "The deployment's history was nearly full; that was found",
};

function rollbackOf({ rollback, blue = 'blue' }: ReportDocument): ReportView['rollback'] {
  if (!rollback) return undefined;
  const { detectedAt, startedAt, restored, recovered, recoveryMs, targetMs, withinTarget, round, problem } = rollback;
  const left = greenLeftWords(restored);
  const row = (what: string, at: number | undefined): string[] => [
    what,
    at === undefined ? 'not reached' : timeOfDay(at),
    at === undefined ? '' : `+${length(at - detectedAt)}`,
  ];
  return {
    rows: [
      row('Need for a rollback known', detectedAt),
      row('Rollback started', startedAt),
      row('Rollback command begun', restored?.startedAt),
      row(capitalized(restoredWords(restored ?? { readBack: true })), restored?.restoredAt),
      row(
        recovered?.accepted
          ? `Accepted by ${recovered.accepted.by}; the health of ${blue} is unproven`
          : `${blue} proven healthy, alone with the traffic`,
        recovered?.healthyAt,
      ),
    ],
    notes: [
      recoveryMs === undefined
        ? `${recovered ? 'Recovery was not measured' : 'Blue was not proven healthy'}. The target is ${length(targetMs)}.`
        : `Recovery took ${length(recoveryMs)}; the target is ${length(targetMs)}: ${withinTarget ? 'kept' : 'MISSED'}.`,
      ...(recovered ? [recoveryWords(recovered)] : []),
      ...(left === undefined ? [] : [`${capitalized(left)}.`]),
      ...(round > 1 ? [`It took ${count(round, 'round')}.`] : []),
      ...(problem === undefined ? [] : [`Last problem: ${sentence(problem)}`]),
      ...rollback.notices.map(sentence),
      ...[...(restored?.evidence ?? []), ...(recovered?.evidence ?? [])].map(
        ({ what, measured, required }) =>
          `${what}: ${measured}${required === undefined ? '' : ` (required: ${required})`}.`,
      ),
    ],
  };
}

function decisionsOf({ decisions }: ReportDocument): string[][] {
  return decisions.map(({ at, action, by, reason, gate, check, remedy, taken, why }) => [
    timeOfDay(at),
    [action, check ?? gate, remedy ? 'with its remedy' : undefined].filter((part) => part !== undefined).join(' '),
    by,
    reason ?? '',
    taken ? 'taken' : `ignored: ${why ?? 'not known why'}`,
  ]);
}

function aboutOf({ series, leftOut, schemaVersion, runbookDigest, deployment }: ReportDocument): string[] {
  const coarse = series.filter(({ from }) => from === 'windows');
  return [
    ...(coarse.length > 0
      ? [
          'Some charts are coarse: the polls of the watch are not on the machine that made this report, so they show finished windows.',
        ]
      : []),
    ...(leftOut === undefined ? [] : [`Left out to keep the report small: ${leftOut}. Temporal's history has it.`]),
    `Workflow and run: ${deployment}.`,
    ...(runbookDigest === undefined ? [] : [`The runbook it followed has the SHA-256 ${runbookDigest}.`]),
    "Names behind decisions are what their senders said; who really sent a message is in Temporal's history.",
    `The same as data is in report.json (schema version ${schemaVersion}, docs/report.schema.json). All times are UTC.`,
  ];
}

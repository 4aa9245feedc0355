import { type CheckStatus, holderWords, isPassed, type Progress, unblockWords } from '../../domain/index.ts';
import { clip } from './layout.ts';
import type { Paint } from './output.ts';
import type { ServerView } from './snapshot.ts';

/** The checklist in words and lines. Pure. */

const CHECK_SIGN: Record<CheckStatus['outcome'], string> = {
  waiting: '?',
  running: '●',
  fixing: '●',
  passed: '✓',
  failed: '✗',
  unmeasured: '✗',
  attested: '✓',
  waived: '~',
};

/** One check on one line of at most `width` characters. */
export function checkLine(check: CheckStatus, width: number, paint: Paint): string {
  const head = `${CHECK_SIGN[check.outcome]} ${check.title}${check.critical ? ' (critical)' : ''}`;
  const text = clip(`${head}: ${checkWords(check)}`, width);
  switch (check.outcome) {
    case 'passed':
    case 'attested':
      return paint.green(text);
    case 'failed':
    case 'unmeasured':
      return paint.red(text);
    case 'waived':
    case 'waiting':
      return paint.yellow(text);
    case 'running':
    case 'fixing':
      return paint.cyan(text);
  }
}

/** What the check, or its remedy, says of itself while it runs; undefined where it says nothing. */
export function checkProgress({ id }: CheckStatus, { pending }: ServerView): Progress | undefined {
  return pending.find(({ progress }) => progress?.check === id)?.progress;
}

const ROLLBACK_ACTIVITIES = ['restoreTraffic', 'verifyRecovery', 'guardTraffic'];

export function isOfRollback({ activity }: ServerView['pending'][number]): boolean {
  return ROLLBACK_ACTIVITIES.includes(activity);
}

/** What the round of the rollback that runs does, and what keeps it from its end. */
export function rollbackProgress({ pending }: ServerView, now: number, paint: Paint): string[] {
  return pending
    .filter(isOfRollback)
    .flatMap(({ attempt, problem, progress = {} }) => [
      ...(problem === undefined ? [] : [paint.yellow(`attempt ${attempt}, after: ${problem}`)]),
      ...progressLines(progress, now, paint),
    ]);
}

/** What an activity does, and each of those that hold it up, on a line of its own. */
export function progressLines({ doing, problem, waitsFor = [] }: Progress, now: number, paint: Paint): string[] {
  return [
    ...(doing === undefined ? [] : [`now: ${doing}`]),
    ...(problem === undefined ? [] : [paint.yellow(`problem: ${problem}`)]),
    ...waitsFor.map((holder) => paint.yellow(`held up by ${holderWords(holder, now)}`)),
  ];
}

/** What a person can do about a check that has not passed, where the check knows it. What is to be pasted follows on lines of its own. */
export function unblockLines({ outcome, result }: CheckStatus, words = unblockWords): string[] {
  const isOpen = outcome === 'failed' || outcome === 'unmeasured';
  return isOpen && result?.unblock !== undefined ? `to unblock: ${words(result.unblock)}`.split('\n') : [];
}

export function checkWords({ outcome, checkedBy, result, decidedBy, remedies }: CheckStatus): string {
  const why = decidedBy?.reason === undefined ? '' : ` (${decidedBy.reason})`;
  switch (outcome) {
    case 'waiting':
      return checkedBy === 'person' ? 'a person has to confirm it' : 'not measured yet';
    case 'running':
      return result ? 'being measured again' : 'being measured';
    case 'fixing':
      return `its remedy runs; found: ${result?.summary ?? '?'}`;
    case 'attested':
      return `confirmed by ${decidedBy?.by ?? '?'}${why}`;
    case 'waived':
      return `waived by ${decidedBy?.by ?? '?'}${why}${result ? `; found: ${result.summary}` : ''}`;
    case 'passed':
    case 'failed':
      return `${result?.summary ?? outcome}${remedies?.at(-1) ? ` (after the remedy by ${remedies.at(-1)?.by})` : ''}`;
    case 'unmeasured':
      return result?.summary ?? 'not measured';
  }
}

/** `Checklist: 7 of 7 (4 passed, 3 attested)` */
export function checklistLine(checks: readonly CheckStatus[]): string {
  const kinds = (['passed', 'attested', 'waived', 'failed', 'unmeasured', 'fixing', 'running', 'waiting'] as const)
    .map((outcome) => ({ outcome, number: checks.filter((check) => check.outcome === outcome).length }))
    .filter(({ number }) => number > 0)
    .map(({ outcome, number }) => `${number} ${outcome}`);
  return `${checks.filter(isPassed).length} of ${checks.length}${kinds.length > 0 ? ` (${kinds.join(', ')})` : ''}`;
}

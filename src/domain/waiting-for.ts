import type { BlueRecovered } from './activity-results.ts';
import { rollbackPromise } from './forward-only.ts';
import { freezesEnd, freezeWords, type HeldStatus } from './freeze.ts';
import { isApproved, missingApprovals, pendingWords, withoutAnswer } from './gate.ts';
import { greenLeftWords } from './recovery-text.ts';
import {
  type CheckStatus,
  currentStep,
  type DeploymentStatus,
  isGuarded,
  needsSomebody,
  openGate,
  type UndecidedStatus,
  type WaitingFor,
} from './status.ts';

const ACCEPTING = 'with the traffic read back on blue, acceptRecovery ends it without the proof of health';

/** What this status waits for; derived, so that it cannot be forgotten. */
export function waitingFor(status: DeploymentStatus): WaitingFor | undefined {
  const since = status.phaseSince;
  switch (status.phase) {
    case 'checking': {
      const open = status.checks.filter(needsSomebody);
      if (open.length === 0) return undefined;
      return {
        what: open
          .map((check) => `${check.id}: ${check.result?.summary ?? `a person has to confirm: ${check.title}`}`)
          .join('; '),
        since,
        ...(status.checklistUntil === undefined ? {} : { until: status.checklistUntil }),
        unblockedBy: open.map((check) => `${check.id}: ${howToUnblock(check)}`).join('; '),
      };
    }
    case 'soaking': {
      const step = currentStep(status);
      if (!step) return undefined;
      if (step.unwatched) return aWatch(step.unwatched);
      if (step.undecided) return aDecision(step.undecided);
      return {
        what: `the soak at ${step.percentage} %`,
        since: step.shiftedAt,
        until: step.soakUntil,
        mayMove: true,
        unblockedBy: 'time; a breach rolls back at once, abort does too',
      };
    }
    case 'awaiting-approval': {
      const gate = openGate(status);
      if (!gate) return undefined;
      const { undecided, unwatched } = currentStep(status) ?? {};
      if (unwatched) return aWatch(unwatched);
      if (undecided) return aDecision(undecided);
      const end = gate.until === undefined ? {} : { until: gate.until };
      if (isApproved(gate))
        return { what: `a healthy window before ${gate.id}`, since, ...end, unblockedBy: 'fresh evidence of health' };
      const promise = rollbackPromise(status);
      return {
        what: `${missingApprovals(gate, status.requestedBy)} for ${gate.id}${pendingWords(gate)}`,
        since,
        ...end,
        unblockedBy: `approve, reject or abort; ${withoutAnswer(gate)}${promise === undefined ? '' : `. ${promise}`}`,
      };
    }
    case 'held':
      return status.held && untilThawed(status.held, status);
    case 'rolling-back':
      if (status.rollback && isGuarded(status.rollback)) return theGuard(status.rollback.recovered, status);
      return {
        what: ['all traffic on blue, and blue healthy over fresh requests', greenLeftWords(status.rollback?.restored)]
          .filter((words) => words !== undefined)
          .join('; '),
        since,
        unblockedBy: `time, and blue's health; retryRollback ends the running round and starts another${status.rollback?.problemBefore === undefined ? '' : `; ${ACCEPTING}`}`,
      };
    case 'rollback-stalled':
      return {
        what: `the next round of the rollback; the last one failed: ${status.rollback?.problem ?? 'unknown'}`,
        since,
        unblockedBy: `fix the cause, then retryRollback; it tries again by itself, too; ${ACCEPTING}`,
      };
    case 'resolving':
    case 'deploying':
    case 'shifting':
    case 'completed':
    case 'rolled-back':
    case 'refused':
    case 'cancelled':
      return undefined;
  }
}

function theGuard({ healthyAt }: BlueRecovered, { plan }: DeploymentStatus): WaitingFor {
  return {
    what: 'the end of the guard: blue has recovered, and the traffic is watched in case a late command moves it',
    since: healthyAt,
    ...(plan && { until: healthyAt + plan.rollback.guardMs }),
    unblockedBy: 'time; the rollback ends then',
  };
}

function aDecision({ reason, since, until }: UndecidedStatus): WaitingFor {
  return {
    what: `somebody to decide, since nothing can be judged: ${reason}`,
    since,
    until,
    unblockedBy: 'abort, which rolls back, or the evidence, when it is back; then it is rolled back',
  };
}

function aWatch({ reason, since, until }: UndecidedStatus): WaitingFor {
  return {
    what: `a worker that can watch green, since every attempt fails: ${reason}`,
    since,
    until,
    unblockedBy:
      'fixing what fails: the watch then goes on by itself; abort rolls back; if it still fails then, it is rolled back',
  };
}

function untilThawed({ freezes, since, until }: HeldStatus, { plan, deployedAt }: DeploymentStatus): WaitingFor {
  const override = plan?.freeze?.override ?? [];
  const end = freezesEnd(freezes);
  const endsInTime = end !== undefined && end <= until;
  const ways = [
    ...(endsInTime ? ['time'] : []),
    ...(freezes.some(({ by }) => by !== undefined) ? ['thaw'] : []),
    ...(override.length === 0 ? [] : [`overrideFreeze by ${override.join(' or ')}`]),
    'abort',
  ];
  const otherwise = endsInTime
    ? ''
    : `; if it is still held then, it is ${deployedAt === undefined ? 'refused' : 'rolled back'}`;
  return {
    what: `the end of ${freezes.map(freezeWords).join('; ')}`,
    since,
    until: endsInTime ? end : until,
    unblockedBy: `${new Intl.ListFormat('en', { type: 'disjunction' }).format(ways)}${otherwise}`,
  };
}

/** A running deployment keeps the runbook that it was started with. */
export function unblockWords(unblock: string): string {
  return /\bin the runbook\b/.test(unblock)
    ? `${unblock} (for the next deployment: this one keeps its runbook)`
    : unblock;
}

/** The same on one line: what is to be pasted is left out. */
export function unblockInShort(unblock: string): string {
  const [first = '', ...more] = unblockWords(unblock).split('\n');
  return more.length === 0 ? first : `${first.replace(/:$/, '')} (bluegreen status shows all of it)`;
}

function howToUnblock(check: CheckStatus): string {
  const remedy = check.remedy && check.outcome === 'failed' ? 'recheck with its remedy' : undefined;
  const { unblock } = check.result ?? {};
  const ways = check.checkedBy === 'person' ? ['attest'] : [unblock && unblockInShort(unblock), remedy, 'recheck'];
  const isSaid = (way: string | undefined): boolean => way === 'recheck' && unblock?.endsWith('then recheck') === true;
  return [...ways.filter((way) => !isSaid(way)), ...(check.critical ? [] : ['waive']), 'abort']
    .filter(Boolean)
    .join(', or ');
}

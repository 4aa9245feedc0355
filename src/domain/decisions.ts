import { count } from '../format/index.ts';
import type { Action, Decision, DecisionAnswer, DecisionRecord } from './decision.ts';
import {
  approved,
  type ConfirmedApprovals,
  type GateStatus,
  isApproved,
  isNamed,
  isToConfirm,
  type PendingApproval,
  rejected,
  whyNotApprover,
} from './gate.ts';
import { isInvisible, isSamePerson } from './people.ts';
import {
  type CheckStatus,
  currentStep,
  type DeploymentStatus,
  isClosed,
  isGuarded,
  isPassed,
  isReadBack,
  isUnderWay,
  openGate,
} from './status.ts';

const LONGEST = { by: 200, reason: 2_000, gate: 100, check: 100, decisionId: 200 } as const;
const FIELDS = Object.keys(LONGEST) as (keyof typeof LONGEST)[];
/** Of decisions that can come without end so many are kept, then only counted: a flood must not grow the state. */
const KEPT = 20;
const ENDLESS: readonly ((record: DecisionRecord) => boolean)[] = [
  ({ taken }) => !taken,
  ({ taken, action }) => taken && (action === 'recheck' || action === 'retryRollback'),
];

/**
 * Reads a message's payload, by hand since zod must not reach the workflow bundle. Never throws: nonsense becomes
 * a problem in words.
 */
export function parseDecision(action: Action, payload: unknown): Decision | { readonly problem: string } {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload))
    return { problem: `${action}: found ${describe(payload)}, expected one JSON object such as {"by":"ana"}` };
  const given = payload as Record<string, unknown>;
  const fields: { -readonly [Field in keyof typeof LONGEST]?: string } = {};
  const { remedy } = given;
  if (remedy !== undefined && (action !== 'recheck' || typeof remedy !== 'boolean'))
    return { problem: `${action}: remedy is ${describe(remedy)}, expected true or false, and only with recheck` };
  // Entries and no `...rest`: compiled, that would swallow a key such as "__proto__".
  for (const [key, value] of Object.entries(given)) {
    if (key === 'remedy') continue;
    const field = FIELDS.find((name) => name === key);
    if (!field) return { problem: `${action}: unknown key "${key.slice(0, 50)}", expected ${FIELDS.join(', ')}` };
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string' || isInvisible(value) || value.length > LONGEST[field])
      return {
        problem: `${action}: ${field} is ${describe(value)}, expected a text of 1 to ${LONGEST[field]} characters`,
      };
    fields[field] = value.trim();
  }
  const by = fields.by ?? (action === 'recheck' && !remedy ? 'unnamed' : undefined);
  if (by === undefined) return { problem: `${action}: "by" is missing, expected the name of who decides` };
  if ((action === 'waive' || action === 'attest') && fields.check === undefined)
    return { problem: `${action}: "check" is missing, expected the id of a check` };
  if (action === 'waive' && fields.reason === undefined)
    return { problem: 'waive: "reason" is missing, expected why this check may be passed over' };
  if (action === 'acceptRecovery' && fields.reason === undefined)
    return { problem: 'acceptRecovery: "reason" is missing, expected why blue is taken with its health unproven' };
  if (action === 'overrideFreeze' && fields.reason === undefined)
    return { problem: 'overrideFreeze: "reason" is missing, expected why this deployment may go on in the freeze' };
  return { action, ...fields, by, ...(remedy ? { remedy } : {}) };
}

/** What was sent, in a few words, however large it is. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `a text of ${value.length} characters` : `"${value}"`;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : (JSON.stringify(value) ?? 'nothing');
}

/** Whether this decision counts now; the reason if it does not. `signal`: which signal it came as; missing for an update. */
export function refusal(status: DeploymentStatus, decision: Decision, signal?: number): string | undefined {
  if (decision.decisionId && status.decisions.some((past) => past.taken && past.decisionId === decision.decisionId))
    return `decision ${decision.decisionId} was taken already; it counts once`;
  if (isClosed(status.phase)) return `the deployment is closed (${status.phase})`;
  switch (decision.action) {
    case 'approve':
      return refuseApproval(status, decision, signal);
    case 'reject':
      return refuseRejection(status, decision);
    case 'abort':
      return refuseEnding(status);
    case 'waive':
    case 'attest':
      return refuseCheckDecision(status, decision);
    case 'recheck':
      return refuseRecheck(status, decision);
    case 'retryRollback':
      return refuseRetry(status);
    case 'acceptRecovery':
      return refuseAcceptance(status);
    case 'overrideFreeze':
      return refuseOverride(status, decision);
  }
}

const RECOVERED = 'blue has recovered already; the rollback ends after its guard';

/** After the proof of health another round would only bring a later one. */
function refuseRetry({ rollback }: DeploymentStatus): string | undefined {
  if (!rollback) return 'no rollback is under way';
  return isGuarded(rollback) ? RECOVERED : undefined;
}

/** Nobody can accept for blue that the traffic is there: that has to be read back. */
function refuseAcceptance({ phase, rollback }: DeploymentStatus): string | undefined {
  if (!rollback) return 'no rollback is under way';
  const { recovered, acceptance, restored, problemBefore, problem = problemBefore } = rollback;
  if (recovered) return RECOVERED;
  if (acceptance) return `${acceptance.by} accepted it already`;
  if (restored && !restored.readBack)
    return 'the router cannot report the traffic, so it was not read back that blue has all of it; make the metrics readable, and the rollback ends when blue is proven healthy';
  if (!isReadBack(rollback, phase === 'rolling-back' ? 'running' : 'over'))
    return `it is not read back yet that blue has all the traffic${problem === undefined ? '' : ` (${problem})`}; run the rollback command by hand or fix it, then retryRollback`;
  return undefined;
}

function refuseOverride({ held, plan, ending }: DeploymentStatus, { by }: Decision): string | undefined {
  if (ending) return `the deployment is being ${ending.cause} by ${ending.by}`;
  if (!held) return 'no freeze holds the deployment now';
  return refuseToOverride(plan?.freeze?.override ?? [], by);
}

/** Why this person may not override a freeze. A name that is yet to be filled in may be on the list. */
export function refuseToOverride(allowed: readonly string[], by: string): string | undefined {
  if (allowed.length === 0) return 'the runbook names nobody who may override a freeze (onFreeze.override)';
  if (by === '' || isNamed(allowed, by)) return undefined;
  return `${by} may not override a freeze; the runbook allows ${allowed.join(', ')} (onFreeze.override)`;
}

function refuseApproval(status: DeploymentStatus, decision: Decision, signal?: number): string | undefined {
  if (status.ending) return `the deployment is being ${status.ending.cause} by ${status.ending.by}`;
  const gate = openGate(status);
  if (!gate || (decision.gate !== undefined && decision.gate !== gate.id)) return noSuchGate(status, decision.gate);
  const before = gate.approvedBy.find((by) => isSamePerson(by, decision.by));
  if (before !== undefined)
    return `${decision.by} approved ${gate.id} already${before === decision.by ? '' : `, as ${before}`}`;
  if (isApproved(gate)) return `${gate.id} has its ${gate.required} approval(s) already`;
  // An answer that people fill in has no name yet: availableDecisions.
  if (decision.by === '') return undefined;
  if (gate.identity === 'principal' && signal === undefined)
    return `${gate.id} counts an approval only if the server recorded who sent it, and of an update it records nobody: send the signal approve (approve --signal)`;
  return whyNotApprover(gate, decision.by, status.requestedBy);
}

function refuseRejection(status: DeploymentStatus, { by, gate: asked }: Decision): string | undefined {
  const gate = openGate(status);
  if (asked !== undefined && gate?.id !== asked) return noSuchGate(status, asked);
  if (gate?.rejectedBy?.some((one) => isSamePerson(one, by))) return `${by} rejected ${gate.id} already`;
  return refuseEnding(status);
}

function refuseEnding(status: DeploymentStatus): string | undefined {
  if (status.rollback)
    return 'the rollback is under way; it cannot be stopped. Where blue cannot be proven healthy, acceptRecovery ends it once all traffic is read back on blue';
  return status.ending ? `the deployment is being ${status.ending.cause} by ${status.ending.by} already` : undefined;
}

function refuseRecheck(status: DeploymentStatus, { check: id, remedy }: Decision): string | undefined {
  if (status.phase !== 'checking') return `nothing is being checked now (${status.phase})`;
  if (id !== undefined) {
    const check = status.checks.find((one) => one.id === id);
    if (!check) return noSuchCheck(status, id);
    if (isPassed(check)) return alreadyPassed(check);
    if (check.checkedBy === 'person') return `${id} is attested by a person, not measured`;
    if (remedy && !check.remedy) return `the runbook names no remedy for ${id}`;
  }
  if (status.checks.every(isPassed)) return 'every check has passed';
  const asked = toRecheck(status, id);
  if (remedy && !asked.some((check) => check.remedy)) return 'the runbook names no remedy for what has not passed';
  return undefined;
}

/** What a recheck is about: every measured check that has not passed, or the one that it names. */
function toRecheck(status: DeploymentStatus, id: string | undefined): CheckStatus[] {
  return status.checks.filter(
    (check) => check.checkedBy === 'worker' && !isPassed(check) && (id === undefined || check.id === id),
  );
}

function alreadyPassed({ id, outcome }: CheckStatus): string {
  return outcome === 'passed' ? `${id} has passed already` : `${id} was ${outcome} already`;
}

function noSuchCheck(status: DeploymentStatus, id: string | undefined): string {
  return `there is no check "${id}"; the checks are ${status.checks.map((one) => one.id).join(', ')}`;
}

function refuseCheckDecision(status: DeploymentStatus, { action, check: id }: Decision): string | undefined {
  if (status.phase !== 'checking') return `the checklist is not open now (${status.phase})`;
  const check = status.checks.find((candidate) => candidate.id === id);
  if (!check) return noSuchCheck(status, id);
  if (isPassed(check)) return alreadyPassed(check);
  if (action === 'waive' && check.critical) return `${check.id} is critical: it cannot be waived, only fixed`;
  if (action === 'waive' && (isUnderWay(check) || (check.outcome === 'waiting' && check.checkedBy === 'worker')))
    return `${check.id} is still being measured; wait for its result`;
  if (action === 'attest' && check.checkedBy !== 'person') return `${check.id} is measured, not attested`;
  return undefined;
}

function noSuchGate(status: DeploymentStatus, asked: string | undefined): string {
  const open = openGate(status);
  if (open) return `the open gate is ${open.id}, not ${asked ?? 'another'}`;
  return `no gate is open${asked === undefined ? '' : ` (asked: ${asked})`}; the deployment is ${status.phase}`;
}

/**
 * Takes the decision, leaves it pending or records it as ignored. Pure; the one place where a decision changes the state.
 * `signal` as in `refusal`.
 */
export function decide(
  status: DeploymentStatus,
  decision: Decision,
  at: number,
  signal?: number,
): { readonly status: DeploymentStatus; readonly answer: DecisionAnswer } {
  const why = refusal(status, decision, signal);
  if (why !== undefined) return { status: ignore(status, { ...decision, at, why }), answer: { taken: false, why } };
  const gate = openGate(status);
  if (decision.action === 'approve' && gate && isToConfirm(gate, decision.by))
    return {
      status: { ...status, ...withPending(status, { ...pendingOf(decision), at, ...(signal && { signal }) }) },
      answer: { taken: false, pending: true },
    };
  return accept(status, decision, at);
}

function accept(status: DeploymentStatus, decision: Decision, at: number): ReturnType<typeof decide> {
  const after = { ...status, ...effect(status, decision, at) };
  return { status: keep(after, { ...decision, at, taken: true }), answer: takenAnswer(after, decision.action) };
}

/** The answer to a decision that was taken and has changed the state to this. */
export function takenAnswer(status: DeploymentStatus, action: Action): DecisionAnswer {
  const missing = missingAfter(status, action);
  return { taken: true, ...(missing !== undefined && { missing }) };
}

/** Which decisions of others the gate still asks for. */
function missingAfter(status: DeploymentStatus, action: Action): string | undefined {
  const gate = openGate(status);
  if (!gate) return undefined;
  const { id, approvedBy, rejectedBy = [], required, rejections = 1 } = gate;
  if (action === 'approve' && !isApproved(gate))
    return `${approvedBy.length} of ${count(required, 'approval')} of ${id}`;
  if (action === 'reject' && !status.ending)
    return `${rejectedBy.length} of ${count(rejections, 'rejection')} of ${id}; the deployment goes on until then, and abort ends it now`;
  return undefined;
}

function pendingOf({ by, reason, decisionId }: Decision): Omit<PendingApproval, 'at'> {
  return { by, ...(reason === undefined ? {} : { reason }), ...(decisionId === undefined ? {} : { decisionId }) };
}

function withPending(status: DeploymentStatus, added: PendingApproval): Partial<DeploymentStatus> {
  return withGate(status, (gate) => ({ ...gate, pending: [...(gate.pending ?? []), added] }));
}

/** Takes the pending approvals that a worker confirmed, and records the others as ignored. Those that it did not know stay. */
export function approvalsConfirmed(status: DeploymentStatus, result: ConfirmedApprovals, at: number): DeploymentStatus {
  const gate = openGate(status);
  if (!gate) return status;
  const { pending = [], pendingProblem: _, ...rest } = gate;
  if ('problem' in result)
    return { ...status, ...withGate(status, () => ({ ...gate, pendingProblem: result.problem })) };
  const left = pending.filter(({ by }) => !result.answers.some((answer) => isSamePerson(answer.by, by)));
  const open = { ...status, ...withGate(status, () => ({ ...rest, ...(left.length > 0 && { pending: left }) })) };
  return result.answers.reduce((current, { by, why }) => {
    const approval = pending.find((one) => isSamePerson(one.by, by));
    if (!approval) return current;
    const { at: _sent, signal, ...given } = approval;
    const decision: Decision = { action: 'approve', gate: gate.id, ...given };
    const refused = why ?? refusal(current, decision, signal);
    return refused === undefined
      ? accept(current, decision, at).status
      : ignore(current, { ...decision, at, why: refused });
  }, open);
}

/** Keeps an ignored decision in sight. */
export function ignore(status: DeploymentStatus, record: Omit<DecisionRecord, 'taken'>): DeploymentStatus {
  return keep(status, { ...record, taken: false });
}

function keep(status: DeploymentStatus, record: DecisionRecord): DeploymentStatus {
  const decisions = [...status.decisions, record];
  const alike = decisions.filter(ENDLESS.find((isOne) => isOne(record)) ?? (() => false));
  if (alike.length <= KEPT) return { ...status, decisions };
  return {
    ...status,
    decisions: decisions.filter((one) => one !== alike[0]),
    forgottenDecisions: status.forgottenDecisions + 1,
  };
}

function effect(status: DeploymentStatus, decision: Decision, at: number): Partial<DeploymentStatus> {
  const { by, reason } = decision;
  const why = reason === undefined ? {} : { reason };
  switch (decision.action) {
    case 'approve':
      return withGate(status, (gate) => approved(gate, by));
    case 'reject': {
      const gate = openGate(status);
      const rejectedBy = [...(gate?.rejectedBy ?? []), by];
      return rejectedBy.length < (gate?.rejections ?? 1)
        ? withGate(status, (open) => rejected(open, by))
        : { ending: { cause: 'rejected', by: rejectedBy.join(' and '), ...why } };
    }
    case 'abort':
      return { ending: { cause: 'aborted', by, ...why } };
    case 'waive':
    case 'attest': {
      const outcome = decision.action === 'waive' ? 'waived' : 'attested';
      return {
        checks: status.checks.map((check) =>
          check.id === decision.check ? { ...check, outcome, decidedBy: { by, ...why, at } } : check,
        ),
      };
    }
    case 'recheck':
      return { rechecksAsked: status.rechecksAsked + 1, checks: rechecked(status, decision) };
    case 'retryRollback':
      return status.rollback
        ? { rollback: { ...status.rollback, retriesAsked: status.rollback.retriesAsked + 1 } }
        : {};
    case 'overrideFreeze':
      return {
        overriddenFreezes: [...(status.overriddenFreezes ?? []), ...(status.held?.freezes ?? []).map(({ id }) => id)],
      };
    case 'acceptRecovery':
      return status.rollback ? { rollback: { ...status.rollback, acceptance: { by, reason: reason ?? '', at } } } : {};
  }
}

/** What is being measured already is measured again after that, if it does not pass. */
function rechecked(status: DeploymentStatus, { by, check: id, remedy }: Decision): CheckStatus[] {
  const about = toRecheck(status, id);
  return status.checks.map((check): CheckStatus => {
    if (!about.includes(check)) return check;
    const asked = { by, remedy: remedy === true && check.remedy !== undefined };
    return isUnderWay(check) ? { ...check, asked } : { ...check, asked, outcome: 'waiting' };
  });
}

function withGate(status: DeploymentStatus, change: (gate: GateStatus) => GateStatus): Partial<DeploymentStatus> {
  const step = currentStep(status);
  return step?.gate ? { steps: [...status.steps.slice(0, -1), { ...step, gate: change(step.gate) }] } : {};
}

import { isSamePerson } from './people.ts';
import type { Approval } from './plan.ts';

/** The point where a person decides whether the next shift happens. Named after that shift: `shift-to-100`. */
export interface GateStatus extends Omit<Approval, 'timeoutMs' | 'onTimeout' | 'remindEveryMs'> {
  readonly id: string;
  readonly approvedBy: readonly string[];
  /** Who rejected it, while the runbook asks for more rejections than one. */
  readonly rejectedBy?: readonly string[];
  /** Approvals that a worker has to confirm before they count; missing where none is. */
  readonly pending?: readonly PendingApproval[];
  /** Why they could not be confirmed yet. */
  readonly pendingProblem?: string;
  /** When the wait for a person ends; set once the soak is proven healthy. Missing where it has no end. */
  readonly until?: number;
  readonly passedAt?: number;
}

/** An approval by somebody who may be in a group of approvers, or whose identity has to be confirmed. */
export interface PendingApproval {
  readonly by: string;
  readonly at: number;
  readonly reason?: string;
  readonly decisionId?: string;
  /** It came as the so-many-th signal `approve` of this run; missing for an update. */
  readonly signal?: number;
}

/** Who started a deployment, and who sent its signals of one name, in their order, as the server authenticated them. */
export interface Principals {
  readonly starter?: string;
  /** `by` is the claim in the message. */
  readonly senders: readonly { readonly principal?: string; readonly by?: string }[];
}

/** What a worker found out about pending approvals: without `why`, one counts. `problem`: nothing, and why. */
export type ConfirmedApprovals =
  | { readonly answers: readonly { readonly by: string; readonly why?: string }[] }
  | { readonly problem: string };

/** So many approvals of a gate are pending at most: a flood of them must not grow the state. */
const MOST_PENDING = 10;
const GROUP = 'group:';

/** The group that an entry of a list of approvers names; undefined for a person. */
export function groupOf(approver: string): string | undefined {
  return approver.startsWith(GROUP) ? approver.slice(GROUP.length) : undefined;
}

export function isApproved(gate: GateStatus | undefined): boolean {
  return gate !== undefined && gate.approvedBy.length >= gate.required;
}

/** The gate of a step, closed until its soak is proven healthy. */
export function gateBefore(percentage: number, approval: Approval): GateStatus {
  const { timeoutMs: _, onTimeout: __, remindEveryMs: ___, ...rules } = approval;
  return { id: `shift-to-${percentage}`, ...rules, approvedBy: [] };
}

/** The newest decision of a person counts: who approves no longer rejects. */
export function approved(gate: GateStatus, by: string): GateStatus {
  const { rejectedBy, ...rest } = gate;
  const others = without(rejectedBy ?? [], by);
  return {
    ...rest,
    approvedBy: [...gate.approvedBy, by],
    ...(others.length === 0 ? {} : { rejectedBy: others }),
  };
}

/** One rejection of several that the runbook asks for; who rejects no longer approves. */
export function rejected(gate: GateStatus, by: string): GateStatus {
  return { ...gate, approvedBy: without(gate.approvedBy, by), rejectedBy: [...(gate.rejectedBy ?? []), by] };
}

function without(people: readonly string[], by: string): string[] {
  return people.filter((one) => !isSamePerson(one, by));
}

/** Why this person may not approve the gate; undefined where they may. */
export function whyNotApprover(gate: GateStatus, by: string, requestedBy: string | undefined): string | undefined {
  if (gate.notRequester && requestedBy !== undefined && isSamePerson(by, requestedBy))
    return `${by} requested this deployment, and the runbook wants somebody else to approve ${gate.id} (notRequester)`;
  const { approvers } = gate;
  if (approvers && !isNamed(approvers, by) && !hasGroup(approvers))
    return `${by} is not on the list of approvers of ${gate.id}: ${approvers.map(approverWords).join(', ')}`;
  return isToConfirm(gate, by) ? whyNotPending(gate, by) : undefined;
}

/** Whether a worker has to look up if this approval counts. */
export function isToConfirm({ approvers = [], identity }: GateStatus, by: string): boolean {
  return identity === 'principal' || (hasGroup(approvers) && !isNamed(approvers, by));
}

/** Whether some approvals of this gate may have to be confirmed. */
export function needsConfirmation({ approvers = [], identity }: GateStatus): boolean {
  return identity === 'principal' || hasGroup(approvers);
}

function hasGroup(approvers: readonly string[]): boolean {
  return approvers.some((one) => groupOf(one) !== undefined);
}

/** Whether a list names this person. The name of a group is nobody's, or everybody could act as the group. */
export function isNamed(list: readonly string[], by: string): boolean {
  return list.some((one) => groupOf(one) === undefined && isSamePerson(one, by));
}

function whyNotPending({ id, pending = [] }: GateStatus, by: string): string | undefined {
  if (isPending(pending, by)) return `the approval of ${id} by ${by} is being confirmed already`;
  if (pending.length < MOST_PENDING) return undefined;
  return `${pending.length} approvals of ${id} are being confirmed; send it again in a minute`;
}

export function isPending(pending: readonly PendingApproval[] | undefined, by: string): boolean {
  return pending?.some((one) => isSamePerson(one.by, by)) ?? false;
}

/** Whose approval is not confirmed yet, and why, as an addition to what the gate waits for; empty where there is none. */
export function pendingWords({ pending = [], pendingProblem }: GateStatus): string {
  if (pending.length === 0) return '';
  const who = pending.map(({ by }) => by).join(', ');
  return pendingProblem === undefined
    ? `; the approval by ${who} is being confirmed`
    : `; the approval by ${who} cannot be confirmed, and is tried again: ${pendingProblem}`;
}

/** What happens if nobody answers. */
export function withoutAnswer({ until }: GateStatus): string {
  return until === undefined ? 'without an answer the gate stays open' : 'no answer in time rolls back';
}

/** The approvals that are missing, and from whom they may come: "1 approval from ben or carl". */
export function missingApprovals(gate: GateStatus, requestedBy: string | undefined): string {
  const missing = gate.required - gate.approvedBy.length;
  return `${missing} approval${missing === 1 ? '' : 's'}${whoMayApprove(gate, requestedBy)}`;
}

function whoMayApprove({ approvers, approvedBy, notRequester }: GateStatus, requestedBy: string | undefined): string {
  const others = [...approvedBy, ...(notRequester && requestedBy !== undefined ? [requestedBy] : [])];
  if (!approvers) return others.length === 0 ? '' : ` (not by ${others.join(' or ')})`;
  const left = approvers.filter((one) => !others.some((other) => isSamePerson(one, other))).map(approverWords);
  return ` from ${left.join(' or ')}`;
}

function approverWords(approver: string): string {
  const group = groupOf(approver);
  return group === undefined ? approver : `the group ${group}`;
}

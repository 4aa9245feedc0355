import { Context } from '@temporalio/activity';
import {
  type Activities,
  groupOf,
  isNamed,
  isSamePerson,
  type PendingApproval,
  type Principals,
} from '../domain/index.ts';
import { type MembersOf, readGroups } from '../runbook/index.ts';
import { messageOf } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

type Asked = Parameters<Activities['confirmApprovals']>[0];

export function confirmApprovals({
  env,
  principals,
}: Pick<Dependencies, 'env' | 'principals'>): Activities['confirmApprovals'] {
  return (asked) =>
    withHeartbeat(async () => {
      const { approvers, identity, approvals } = asked;
      try {
        const usesGroups = approvers?.some((one) => groupOf(one) !== undefined);
        const membersOf = usesGroups ? await readGroups(env) : undefined;
        const recorded = identity === 'principal' ? await principalsOf(principals) : undefined;
        const whyNot = (approval: PendingApproval): string | undefined =>
          (membersOf && whyNotListed(approval, asked, membersOf)) ??
          (recorded && whyNotAuthentic(approval, asked, recorded));
        return {
          answers: approvals.map((approval) => {
            const why = whyNot(approval);
            return { by: approval.by, ...(why === undefined ? {} : { why }) };
          }),
        };
      } catch (error) {
        return { problem: messageOf(error) };
      }
    });
}

async function principalsOf(read: Dependencies['principals']): Promise<Principals> {
  const { workflowExecution } = Context.current().info;
  if (!read || !workflowExecution) throw new Error('this worker cannot read the history of the deployment');
  return read(workflowExecution, 'approve');
}

function whyNotListed({ by }: PendingApproval, { approvers = [] }: Asked, membersOf: MembersOf): string | undefined {
  const groups = approvers.map(groupOf).filter((group) => group !== undefined);
  const isListed =
    isNamed(approvers, by) || groups.some((group) => membersOf(group)?.some((member) => isSamePerson(member, by)));
  return isListed ? undefined : `${by} is neither on the list of approvers nor in ${groups.join(' or ')}`;
}

/** `by` is a claim; the principal is who the server let in. */
function whyNotAuthentic(
  { by, signal = 0 }: PendingApproval,
  { notRequester }: Asked,
  { senders, starter }: Principals,
): string | undefined {
  const { principal, by: claim = '' } = senders[signal - 1] ?? {};
  if (principal === undefined || !isSamePerson(claim, by))
    return `the server recorded no authenticated sender of the approval by ${by}, which identity: principal needs (docs/approvals.md)`;
  if (!isSamePerson(principal, by)) return `the approval in the name of ${by} was sent by ${principal}`;
  if (notRequester && starter !== undefined && isSamePerson(principal, starter))
    return `${by} started this deployment, and the runbook wants somebody else to approve (notRequester)`;
  return undefined;
}

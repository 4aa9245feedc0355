import { type Activities, groupOf, isSamePerson } from '../domain/index.ts';
import { type MembersOf, readGroups } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function confirmApprovals({ env }: Pick<Dependencies, 'env'>): Activities['confirmApprovals'] {
  return ({ approvers, approvals }) =>
    withHeartbeat(async () => {
      try {
        const membersOf = await readGroups(env);
        return { answers: approvals.map(({ by }) => ({ by, ...whyNotListed(by, approvers, membersOf) })) };
      } catch (error) {
        return { problem: error instanceof Error ? error.message : String(error) };
      }
    });
}

function whyNotListed(by: string, approvers: readonly string[], membersOf: MembersOf): { readonly why?: string } {
  const groups = approvers.map(groupOf).filter((group) => group !== undefined);
  const isListed =
    approvers.some((one) => isSamePerson(one, by)) ||
    groups.some((group) => membersOf(group)?.some((member) => isSamePerson(member, by)));
  return isListed ? {} : { why: `${by} is neither on the list of approvers nor in ${groups.join(' or ')}` };
}

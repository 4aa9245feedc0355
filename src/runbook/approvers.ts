import { type DeploymentRequest, groupOf, isSamePerson } from '../domain/index.ts';
import type { Runbook } from './schema.ts';

/** Who is in which group; undefined for a group that is not there. */
export type MembersOf = (group: string) => readonly string[] | undefined;

/**
 * Why no gate of this runbook could be passed by this request, found before anything is deployed; undefined where every gate
 * has enough people. The groups count as they are now; a decision is judged by what they are then.
 */
export function approvalProblem(
  { traffic }: Pick<Runbook, 'traffic'>,
  { requestedBy, checklistOnly }: Pick<DeploymentRequest, 'requestedBy' | 'checklistOnly'>,
  membersOf: MembersOf,
): string | undefined {
  if (checklistOnly) return undefined;
  for (const [index, { approval }] of traffic.entries()) {
    if (!approval) continue;
    const { required, approvers, notRequester } = approval;
    const where = `traffic[${index}].approval`;
    if (notRequester && requestedBy === undefined)
      return `request.requestedBy: missing, expected the name of who requests this deployment: the runbook wants somebody else to approve (${where}.notRequester)`;
    if (!approvers) continue;
    const unknown = approvers.map(groupOf).find((group) => group !== undefined && !membersOf(group));
    if (unknown !== undefined)
      return `${where}.approvers: found the group "${unknown}", which is not in the file of groups (BLUEGREEN_GROUPS of the worker)`;
    const people = peopleIn(approvers, membersOf).filter(
      (one) => !notRequester || requestedBy === undefined || !isSamePerson(one, requestedBy),
    );
    if (people.length < required)
      return `${where}: ${required === 1 ? '1 person has' : `${required} people have`} to approve, and ${people.length === 0 ? 'nobody may' : `only ${people.join(', ')} may`}${notRequester ? `: ${requestedBy} requests this deployment and may not. Somebody else has to request it, or the list needs more people` : '. Add people to the list'}`;
  }
  return undefined;
}

export function usesGroups({ traffic }: Pick<Runbook, 'traffic'>): boolean {
  return traffic.some(({ approval }) => approval?.approvers?.some((one) => groupOf(one) !== undefined));
}

/** Every person that a list of approvers names, once. */
function peopleIn(approvers: readonly string[], membersOf: MembersOf): string[] {
  const named = approvers.flatMap((one) => {
    const group = groupOf(one);
    return group === undefined ? [one] : (membersOf(group) ?? []);
  });
  return named.filter((one, index) => named.findIndex((other) => isSamePerson(one, other)) === index);
}

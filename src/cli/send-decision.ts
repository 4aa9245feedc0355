import { randomUUID } from 'node:crypto';
import {
  ApplicationFailure,
  type Client,
  type WorkflowExecutionDescription,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { type Action, type Decision, parseDecision } from '../domain/index.ts';
import { hasEnded } from '../temporal/index.ts';
import * as messages from '../workflows/messages.ts';
import { CliError } from './cli-error.ts';
import { withCommands } from './decision-kinds.ts';
import { EXIT } from './exit-codes.ts';
import { type DeploymentHandle, inTime } from './temporal.ts';
import { firstLine, grpcCode } from './to-cli-error.ts';
import { fetchSnapshot } from './view/snapshot.ts';

export type IdentifiedDecision = Decision & { readonly decisionId: string };

/** The answer to a decision. `unknown`: none came in time; the decision may still take effect. */
export type Answer =
  | { readonly kind: 'taken'; readonly already?: true; readonly missing?: string }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** A decision with an id of its own, under which it can be repeated. @throws CliError when it makes no sense. */
export function newDecision(action: Action, given: Omit<Partial<Decision>, 'action'>): IdentifiedDecision {
  const decisionId = given.decisionId ?? randomUUID();
  const parsed = parseDecision(action, { ...given, decisionId });
  if ('problem' in parsed) throw new CliError(EXIT.usage, `${parsed.problem}.`);
  return { ...parsed, decisionId };
}

/** gRPC's codes that say for sure that nothing happened: bad argument, not found, denied, precondition, unimplemented ... */
const SURELY_NOT = new Set([3, 5, 7, 9, 12, 16]);

/** Sends it as an update, which is answered. The decision's id is the update's, too: however often sent, it counts once. */
export async function sendDecision(
  client: Client,
  handle: DeploymentHandle,
  decision: IdentifiedDecision,
): Promise<Answer> {
  try {
    const { taken, why, missing } = await inTime(client, () =>
      handle.executeUpdate(messages.decide, { args: [decision], updateId: decision.decisionId }),
    );
    if (taken) return { kind: 'taken', ...(missing !== undefined && { missing }) };
    return { kind: 'refused', why: withCommands(why ?? 'no reason given') };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) return refusedOrTakenBefore(client, handle, decision, error);
    if (error instanceof WorkflowNotFoundError) return { kind: 'refused', why: 'the deployment is closed' };
    if (SURELY_NOT.has(grpcCode(error) ?? -1)) throw error;
    return { kind: 'unknown', why: firstLine(error) };
  }
}

/** The decision may have arrived earlier, for example as a signal: then it was accepted. */
async function refusedOrTakenBefore(
  client: Client,
  handle: DeploymentHandle,
  { decisionId }: IdentifiedDecision,
  error: WorkflowUpdateFailedError,
): Promise<Answer> {
  const { status } = await fetchSnapshot(client, handle);
  if (status?.decisions.some((past) => past.taken && past.decisionId === decisionId))
    return { kind: 'taken', already: true };
  const { cause } = error;
  return {
    kind: 'refused',
    why: cause instanceof ApplicationFailure ? withCommands(cause.message) : firstLine(cause ?? error),
  };
}

/** Sends it as a signal: Temporal keeps it until a worker runs, and there is no answer. */
export async function signalDecision(
  client: Client,
  handle: DeploymentHandle,
  { action, ...payload }: IdentifiedDecision,
): Promise<void> {
  await inTime(client, () => handle.signal(action, payload));
}

/** @throws CliError when there is nothing left to decide. */
export function refuseClosed({ status, workflowId }: WorkflowExecutionDescription): void {
  if (!hasEnded(status.name)) return;
  throw new CliError(EXIT.notTaken, `Refused: ${workflowId} has ended; there is nothing left to decide.`);
}

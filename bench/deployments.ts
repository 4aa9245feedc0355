import type { Client } from '@temporalio/client';
import {
  clientOf,
  type DeploymentHandle,
  newDecision,
  outcomeOf,
  pollSnapshots,
  sendDecision,
  startOrExplain,
} from '../src/cli/index.ts';
import { type Endings, type Parts, type PartsOptions, startParts } from '../src/demo/index.ts';
import { type DeploymentReport, type DeploymentStatus, isPassed, isStuck } from '../src/domain/index.ts';
import type { Fault } from '../src/sandbox/index.ts';
import { connectClient } from '../src/temporal/index.ts';
import type { blueGreenDeployment } from '../src/workflows/index.ts';

const NAMESPACE = 'default';
export const REQUEST = { service: 'recommendation', version: '2.5.0', requestedBy: 'bench' };

/** A little production and a Temporal server, in which one deployment after the other is measured. */
export interface Bench {
  readonly client: Client;
  readonly parts: Parts;
  /** Deploys 2.5.0 under a fault, if one is given, answering every question at once. @throws Error if it closes in another way than with a report. */
  deploy(fault?: Fault): Promise<Measured>;
  stop(): Promise<void>;
}

export interface Measured {
  readonly handle: DeploymentHandle;
  readonly report: DeploymentReport;
  /** When the fault struck, epoch milliseconds. */
  readonly struckAt?: number;
}

/** @throws Error that says which part did not start. */
export async function openBench(notice: (line: string) => void, different: Partial<PartsOptions> = {}): Promise<Bench> {
  const endings: Endings = [];
  const stop = async (): Promise<void> => {
    for (let end = endings.pop(); end; end = endings.pop()) await end();
  };
  const options = {
    pace: 'sixtieth',
    automaticRemedies: true,
    requestsPerSecond: 40,
    notice,
    signal: new AbortController().signal,
    ...different,
  } as const;
  try {
    const parts = await startParts(options, endings);
    const config = { connectionOptions: { address: parts.server.address }, namespace: NAMESPACE };
    const client = clientOf(await connectClient(config), NAMESPACE);
    return { client, parts, stop, deploy: (fault) => Promise.race([deploy(client, parts, fault), parts.broken]) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function deploy(client: Client, { sandbox }: Parts, fault: Fault | undefined): Promise<Measured> {
  if (fault) await sandbox.inject(fault);
  const { workflowId, firstExecutionRunId } = await startOrExplain(client, REQUEST);
  const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, firstExecutionRunId);
  const answered = new Set<string>();
  let last: DeploymentStatus | undefined;
  for await (const { status } of pollSnapshots(client, handle)) {
    last = status;
    if (status) await answer(client, handle, status, answered);
  }
  const { report, summary } = await outcomeOf(client, handle, last);
  const struckAt = sandbox.faultStruckAt();
  if (fault) await sandbox.clearFault();
  if (!report) throw new Error(`The deployment ended without a report: ${summary}`);
  return { handle, report, ...(struckAt === undefined ? {} : { struckAt }) };
}

/** People who answer at once, and approve while the soak still runs, so that nothing waits for them for long. */
async function answer(
  client: Client,
  handle: DeploymentHandle,
  status: DeploymentStatus,
  answered: Set<string>,
): Promise<void> {
  const { phase, checks, steps } = status;
  // An alert about the release before may still fire: nothing begins while it does.
  if (isStuck(status) && checks.every((check) => isPassed(check) || check.id === 'alerts'))
    await sendDecision(client, handle, newDecision('recheck', { by: 'bench' }));
  const gate = phase === 'soaking' ? steps.at(-1)?.gate : undefined;
  const attestable = phase === 'checking' ? checks.filter(({ checkedBy }) => checkedBy === 'person') : [];
  const choices = [
    ...attestable.map(({ id }) => ({ action: 'attest', check: id }) as const),
    ...(gate ? [{ action: 'approve', gate: gate.id } as const] : []),
  ];
  for (const { action, ...about } of choices) {
    const decision = newDecision(action, { ...about, by: 'bench' });
    const question = JSON.stringify(about);
    if (answered.has(question)) continue;
    answered.add(question);
    await sendDecision(client, handle, decision);
  }
}

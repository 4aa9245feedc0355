import type { Client } from '@temporalio/client';
import { type Freeze, freezeAddressInId } from '../domain/index.ts';
import { stoppedLine } from '../temporal/index.ts';
import type { Address } from './address.ts';
import { inTime } from './temporal.ts';
import { sanitize } from './view/output.ts';

/** The freezes that people made and that hold for this deployment. */
export async function frozenFor(client: Client, { service, environment }: Address): Promise<readonly Freeze[]> {
  const { namespace } = client.options;
  return sanitize(await stoppedLine({ connection: client.connection, namespace }, { service, environment }));
}

/** Every freeze that people made, as Temporal lists them: the newest may be missing for a moment. */
export async function allFrozen(client: Client): Promise<readonly Freeze[]> {
  const found: Freeze[] = [];
  await inTime(client, async () => {
    for await (const { workflowId } of client.workflow.list({
      query: "WorkflowType = 'freeze' AND ExecutionStatus = 'Running'",
    })) {
      const address = freezeAddressInId(workflowId);
      if (!address) continue;
      const { namespace } = client.options;
      const freezes = await stoppedLine({ connection: client.connection, namespace }, address);
      found.push(...freezes.filter(({ id }) => id.startsWith(`${workflowId}/`)));
    }
  });
  return sanitize(found);
}

import type { Client } from '@temporalio/client';
import { type Freeze, freezeAddressInId } from '../domain/index.ts';
import { FREEZE_TYPE, stoppedLine } from '../temporal/index.ts';
import type { Address } from './address.ts';
import { inTime } from './temporal.ts';
import { sanitize } from './view/output.ts';

/** The freezes that people made and that hold for this deployment. */
export async function frozenFor(client: Client, { service, environment }: Address): Promise<readonly Freeze[]> {
  const { namespace } = client.options;
  return sanitize(await stoppedLine({ connection: client.connection, namespace }, { service, environment }));
}

/** The freezes that people made, of all environments or of those wanted, as Temporal lists them: the newest may be missing for a moment. */
export async function allFrozen(client: Client, wanted: Partial<Address>): Promise<readonly Freeze[]> {
  const found: Freeze[] = [];
  await inTime(client, async () => {
    for await (const { workflowId } of client.workflow.list({
      query: `WorkflowType = '${FREEZE_TYPE}' AND ExecutionStatus = 'Running'`,
    })) {
      const address = freezeAddressInId(workflowId);
      const { environment, service } = { ...address };
      if (!address || environment !== (wanted.environment ?? environment)) continue;
      // A freeze of the whole environment holds every service in it.
      if (service !== undefined && service !== (wanted.service ?? service)) continue;
      const { namespace } = client.options;
      const freezes = await stoppedLine({ connection: client.connection, namespace }, address);
      found.push(...freezes.filter(({ id }) => id.startsWith(`${workflowId}/`)));
    }
  });
  return sanitize(found);
}

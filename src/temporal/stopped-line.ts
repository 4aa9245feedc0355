import { type Freeze, freezeWorkflowId } from '../domain/index.ts';
import { type Asked, runningWorkflow } from './running.ts';

/** The key of the memo in which a freeze says who made it, and why. */
export const FREEZE_MEMO = 'freeze';

interface Whole {
  readonly environment: string;
  readonly service?: string;
}

/**
 * The freezes that people have made for the environment, or for this service in it, and not ended yet. Needs no worker.
 * @throws Error when Temporal does not say.
 */
export async function stoppedLine(asked: Asked, { service, environment }: Whole): Promise<readonly Freeze[]> {
  const wholes: Whole[] = [{ environment }, ...(service === undefined ? [] : [{ environment, service }])];
  return (await Promise.all(wholes.map((whole) => freezeOf(asked, whole)))).flat();
}

async function freezeOf(asked: Asked, whole: Whole): Promise<Freeze[]> {
  const workflowId = freezeWorkflowId(whole);
  const found = await runningWorkflow(asked, workflowId);
  if (!found) return [];
  const { by = 'somebody', reason = 'no reason given', until } = (found.memo(FREEZE_MEMO) ?? {}) as Partial<Freeze>;
  if (until !== undefined && until <= Date.now()) return [];
  const { service, environment } = whole;
  return [
    {
      id: `${workflowId}/${found.runId}`,
      name: service === undefined ? environment : `${service} in ${environment}`,
      by,
      reason,
      since: found.startedAt,
      ...(until === undefined ? {} : { until }),
    },
  ];
}

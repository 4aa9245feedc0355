import { ApplicationFailure } from '@temporalio/common';
import { databaseUrl } from '../checks/index.ts';
import { FAILURE } from '../domain/index.ts';
import type { CheckContext } from '../plugin/index.ts';
import type { Runbook, RunbookCheck } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { portsOf } from './ports.ts';
import { operation } from './with-heartbeat.ts';

/** A check of the checklist, or of those that verify green. @throws ApplicationFailure `InvalidRequest`. */
export function findCheck({ checklist, verifyGreen }: Runbook, checkId: string): RunbookCheck {
  const config = [...checklist, ...verifyGreen].find(({ id }) => id === checkId);
  if (!config) throw ApplicationFailure.nonRetryable(`The runbook has no check "${checkId}".`, FAILURE.InvalidRequest);
  return config;
}

/** What a check, or its remedy, gets to work with. `step` tells one operation of the deployment from another. */
export function checkContext(
  dependencies: Pick<Dependencies, 'registry' | 'env'>,
  given: Pick<CheckContext, 'target' | 'runbook' | 'run' | 'greenIsUp'> & { readonly step: string },
): CheckContext {
  const { step, ...rest } = given;
  const ports = portsOf(dependencies, given.runbook, given.target);
  const context = { ...rest, env: dependencies.env };
  return {
    ...context,
    workload: ports.workload(),
    router: ports.router(),
    metrics: ports.metrics(given.target, given.greenIsUp),
    notifiers: ports.notifiers(),
    operation: operation(context.target, step),
    databaseUrl: (database) => databaseUrl(context.runbook.databases, database, context.env),
  };
}

import { ApplicationFailure } from '@temporalio/common';
import { databaseUrl } from '../checks/index.ts';
import { FAILURE } from '../domain/index.ts';
import type { CheckContext } from '../plugin/index.ts';
import type { CheckConfig, Runbook } from '../runbook/index.ts';
import { operation } from './with-heartbeat.ts';

/** A check of the checklist, or of those that verify green. @throws ApplicationFailure `InvalidRequest`. */
export function findCheck({ checklist, verifyGreen }: Runbook, checkId: string): CheckConfig {
  const config = [...checklist, ...verifyGreen].find(({ id }) => id === checkId);
  if (!config) throw ApplicationFailure.nonRetryable(`The runbook has no check "${checkId}".`, FAILURE.InvalidRequest);
  return config;
}

/** What a check, or its remedy, gets to work with. `step` tells one operation of the deployment from another. */
export function checkContext(
  given: Omit<CheckContext, 'operation' | 'databaseUrl'> & { readonly step: string },
): CheckContext {
  const { step, ...context } = given;
  return {
    ...context,
    operation: operation(context.target, step),
    databaseUrl: (database) => databaseUrl(context.runbook.databases, database, context.env),
  };
}

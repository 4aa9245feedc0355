import { ApplicationFailure } from '@temporalio/client';
import type { DeploymentRequest, RollbackRequest } from '../domain/index.ts';
import { parseRequest, parseRollbackRequest } from '../runbook/index.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** Refused here, a mistake costs no workflow. @throws CliError */
export function checkedRequest(options: unknown): DeploymentRequest {
  return orBadUsage(() => parseRequest(options));
}

/** The same for a rollback of its own. @throws CliError */
export function checkedRollbackRequest(options: unknown): RollbackRequest {
  return orBadUsage(() => parseRollbackRequest(options));
}

function orBadUsage<Request>(parse: () => Request): Request {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ApplicationFailure) throw new CliError(EXIT.usage, error.message, { cause: error });
    throw error;
  }
}

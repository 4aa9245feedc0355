import { ApplicationFailure } from '@temporalio/client';
import type { DeploymentRequest } from '../domain/index.ts';
import { parseRequest } from '../runbook/index.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** Refused here, a mistake costs no workflow. @throws CliError */
export function checkedRequest(options: unknown): DeploymentRequest {
  try {
    return parseRequest(options);
  } catch (error) {
    if (error instanceof ApplicationFailure) throw new CliError(EXIT.usage, error.message, { cause: error });
    throw error;
  }
}

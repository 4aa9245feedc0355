import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../domain/index.ts';
import type { CheckContext } from '../plugin/index.ts';
import { type CommandInput, type CommandResult, fillPlaceholders, runCommand } from '../processes/index.ts';
import { placeholders } from './placeholders.ts';

/** The end of an output that is shown. */
export const SHOWN = 500;

/** Runs a program of the runbook's. One that is not on this worker, or does not end in its time, is why it was not run. */
export async function runProgram(
  { target, operation, run }: CheckContext,
  program: Required<Pick<CommandInput, 'command' | 'env' | 'name' | 'timeoutMs'>>,
): Promise<CommandResult | { readonly notRun: string }> {
  try {
    const command = fillPlaceholders(program.command, placeholders(target));
    return await runCommand({ ...program, command, operation, run });
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === FAILURE.CommandFailed) return { notRun: error.message };
    throw error;
  }
}

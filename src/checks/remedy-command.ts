import { ApplicationFailure } from '@temporalio/common';
import { FAILURE } from '../errors.ts';
import { fillPlaceholders, runCommand } from '../platforms/run-command.ts';
import { placeholders } from './placeholders.ts';
import type { Remedy } from './remedy.ts';

const SHOWN = 500;

/** A program of the runbook's that mends what a check found. What it printed last is recorded, redacted. */
export function commandRemedy(
  checkId: string,
  { command, timeout }: { readonly command: readonly string[]; readonly timeout: number },
): Remedy {
  return async ({ target, operation, attendance }) => {
    const result = await runCommand({
      command: fillPlaceholders(command, placeholders(target)),
      operation,
      attendance,
      name: `the remedy of check ${checkId}`,
      timeoutMs: timeout,
    }).catch((error: unknown) => {
      if (error instanceof ApplicationFailure && error.type === FAILURE.CommandFailed) return error;
      throw error;
    });
    if (result instanceof ApplicationFailure) return { done: false, summary: result.message };
    const { exitCode, outputTail, stderrTail } = result;
    const output = [outputTail, stderrTail].filter(Boolean).join('\n').slice(-SHOWN);
    return {
      done: exitCode === 0,
      summary: `the command ended with exit code ${exitCode}`,
      ...(output === '' ? {} : { output }),
    };
  };
}

import type { ApplicationFailure } from '@temporalio/common';
import type { EvidenceLine } from '../domain/index.ts';
import { commandFailed, type Operation, type RunContext } from '../util/index.ts';
import { fenced } from './fence.ts';
import { type CommandResult, fillPlaceholders, runCommand } from './run-command.ts';

/** Of what a command printed, so much goes into a message or a line of evidence. */
const SHOWN_IN_FAILURE = 500;
const SHOWN_IN_EVIDENCE = 200;

interface Change {
  /** What messages call it. */
  readonly name: string;
  readonly command: readonly string[];
  /** The variables of the worker that it gets beside the basic ones. */
  readonly env?: readonly string[] | undefined;
  /** What the placeholders become. */
  readonly values: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly operation: Operation;
}

/**
 * Runs a program of the runbook that changes something. Of several attempts of one operation in this process only the newest
 * runs.
 * @throws ApplicationFailure `CommandFailed`, final, when it does not end with exit code 0 in time.
 */
export async function runChange(
  { name, command, env, values, timeoutMs, operation }: Change,
  run: RunContext,
): Promise<readonly EvidenceLine[]> {
  const filled = fillCommand(name, command, values);
  const result = await fenced(operation, run, (fencedRun) =>
    runCommand({ name, command: filled, env, operation, run: fencedRun, timeoutMs }),
  );
  if (result.exitCode !== 0) throw exitFailure(name, result);
  return [evidenceOf(name, result)];
}

/** @throws ApplicationFailure `CommandFailed`, final, for a placeholder that has no value. */
export function fillCommand(
  name: string,
  command: readonly string[],
  values: Readonly<Record<string, string>>,
): string[] {
  try {
    return fillPlaceholders(command, values);
  } catch (error) {
    throw commandFailed(
      `the runbook's command for ${name} cannot be used: ${error instanceof Error ? error.message : 'unknown placeholder'}`,
    );
  }
}

/** The failure of a program that ended with another exit code than 0. */
export function exitFailure(name: string, { exitCode, stderrTail, outputTail }: CommandResult): ApplicationFailure {
  const printed = (stderrTail === '' ? outputTail : stderrTail).slice(-SHOWN_IN_FAILURE);
  return commandFailed(
    `${name} failed with exit code ${exitCode}${printed === '' ? ' and printed nothing' : `: ${printed}`}`,
  );
}

function evidenceOf(name: string, { exitCode, durationMs, outputTail }: CommandResult): EvidenceLine {
  const lastLine = outputTail.slice(outputTail.lastIndexOf('\n') + 1).slice(0, SHOWN_IN_EVIDENCE);
  return {
    what: name,
    measured: `exit code ${exitCode} in ${durationMs} ms${lastLine === '' ? '' : `: ${lastLine}`}`,
    required: 'exit code 0',
  };
}

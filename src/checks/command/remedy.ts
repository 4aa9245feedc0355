import type { Remedy } from '../../plugin/index.ts';
import { runProgram, SHOWN } from '../run-program.ts';

/** A program of the runbook's that fixes what a check found. What it printed last is recorded, redacted. */
export function commandRemedy(
  checkId: string,
  { command, timeout }: { readonly command: readonly string[]; readonly timeout: number },
): Remedy {
  return async (context) => {
    const result = await runProgram(context, {
      command,
      name: `the remedy of check ${checkId}`,
      timeoutMs: timeout,
    });
    if ('notRun' in result) return { done: false, summary: result.notRun };
    const { exitCode, outputTail, stderrTail } = result;
    const output = [outputTail, stderrTail].filter(Boolean).join('\n').slice(-SHOWN);
    return {
      done: exitCode === 0,
      summary: `the command ended with exit code ${exitCode}`,
      ...(output === '' ? {} : { output }),
    };
  };
}

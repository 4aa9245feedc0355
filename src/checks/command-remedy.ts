import { z } from 'zod';
import type { Remedy } from '../plugin/index.ts';
import type { CheckConfig } from '../runbook/index.ts';
import { runProgram, SHOWN } from './run-program.ts';

const withCommand = z.object({
  command: z.array(z.string()),
  env: z.array(z.string()).optional(),
  timeout: z.number(),
});

/**
 * The remedy that works for every kind of check: a program of the runbook's. What it printed last is recorded, redacted.
 * Undefined where the runbook names none.
 */
export function commandRemedy({ id, remedy }: CheckConfig): Remedy | undefined {
  const { data } = withCommand.safeParse(remedy);
  if (!data) return undefined;
  const { command, env, timeout } = data;
  return async (context) => {
    const result = await runProgram(context, { command, env, name: `the remedy of check ${id}`, timeoutMs: timeout });
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

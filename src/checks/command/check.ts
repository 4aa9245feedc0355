import type { z } from 'zod';
import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { type CheckBase, command, commandEnv, TARGET_PLACEHOLDERS } from '../../runbook/index.ts';
import { runProgram, SHOWN } from '../run-program.ts';

const schema = (base: CheckBase) =>
  base.extend({ command: command(...TARGET_PLACEHOLDERS).describe('The program.'), env: commandEnv });
type Config = z.output<ReturnType<typeof schema>>;

export const commandCheck = checkKind({ kind: 'command', summary: 'A program exits with 0.', schema, create });

/** A program of the runbook's that ends with exit code 0. What it printed last is the evidence, redacted. */
function create(config: Config): Check {
  return async (context) => {
    const result = await runProgram(context, {
      command: config.command,
      env: config.env,
      name: `the command of check ${config.id}`,
      timeoutMs: config.timeout,
    });
    if ('notRun' in result) return notRun(result.notRun);
    const { exitCode, outputTail, stderrTail } = result;
    const said = lastLine(stderrTail) || lastLine(outputTail);
    const evidence = [
      { what: 'exit code', measured: String(exitCode), required: '0' },
      ...(outputTail === '' ? [] : [{ what: 'end of its output', measured: outputTail.slice(-SHOWN) }]),
    ];
    if (exitCode === 0) return { passed: true, summary: 'the command ended with exit code 0', evidence };
    return {
      passed: false,
      summary: `the command ended with exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
      evidence,
      unblock: 'the command has to end with exit code 0; the end of its output says what it misses',
    };
  };
}

/** It is not on this worker, or did not end in its time: a person can set that right and check again. */
function notRun(reason: string): Finding {
  return {
    passed: false,
    summary: reason,
    evidence: [{ what: 'exit code', measured: 'none', required: '0' }],
    unblock: 'make the command run on the worker and end in its time, then check again',
  };
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 200);
}

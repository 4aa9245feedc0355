import type { Check, Finding } from '../../plugin/index.ts';
import type { CheckOfKind } from '../../runbook/index.ts';
import { runProgram, SHOWN } from '../run-program.ts';

/** A program of the runbook's that ends with exit code 0. What it printed last is the evidence, redacted. */
export function commandCheck(config: CheckOfKind<'command'>): Check {
  return async (context) => {
    const result = await runProgram(context, {
      command: config.command,
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

import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError } from 'commander';
import type { ReplayVerdict } from '../../backtest/index.ts';
import type { SequentialRules } from '../../judge/index.ts';
import { EXIT } from '../exit-codes.ts';
import { judgeLine } from '../judge-line.ts';
import { withExample } from '../options.ts';
import { print, printError } from '../view/output.ts';

interface Options {
  readonly confidence?: number;
  readonly burstTolerance?: number;
}

/** `bluegreen judge`. Needs no Temporal, and loads none: it may be run on thousands of soaks. */
export function addJudge(command: Command): void {
  command
    .option('--confidence <share>', 'the confidence that a rollback needs, 0.5 to 0.9999 (default: 0.99)', confidence)
    .option(
      '--burst-tolerance <seconds>',
      'the longest burst of failures to tolerate, 0 to 300 (default: 5)',
      burstTolerance,
    )
    .action(async (options: Options) => {
      const overrides: Partial<SequentialRules> = {
        ...(options.confidence === undefined ? {} : { confidence: options.confidence }),
        ...(options.burstTolerance === undefined ? {} : { burstToleranceMs: options.burstTolerance * 1_000 }),
      };
      await judgeLines(process.stdin, (line) => judgeLine(line, overrides));
    });
  withExample(command, 'judge < soaks.jsonl');
}

async function judgeLines(
  input: NodeJS.ReadableStream,
  judge: (line: string) => ReplayVerdict | { readonly problem: string },
): Promise<void> {
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (line.trim() === '') continue;
    const verdict = judge(line);
    if (!('problem' in verdict)) print(JSON.stringify(verdict));
    else {
      printError(`Line ${number}: invalid soak record: ${verdict.problem}`);
      process.exitCode = EXIT.usage;
    }
  }
}

function confidence(text: string): number {
  return between(text, 0.5, 0.9999);
}

function burstTolerance(text: string): number {
  return between(text, 0, 300);
}

function between(text: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() !== '' && number >= least && number <= most) return number;
  throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
}

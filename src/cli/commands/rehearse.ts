import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { firstStepOf, formatHistory, parseHistory, type RehearsedStep, runBacktest } from '../../backtest/index.ts';
import { HistoryError, type Registry, type TrafficHistory } from '../../plugin/index.ts';
import { loadRunbook, loadRunbookOrBase, type Runbook, RunbookError, toLimits, toPlan } from '../../runbook/index.ts';
import { errorCode, messageOf } from '../../util/index.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { historyConfig } from '../history-config.ts';
import { withAddress, withExample } from '../options.ts';
import { loadKinds } from '../registry.ts';
import { columns, paintFor, printError, printJson, printLines, sanitize } from '../view/output.ts';
import { renderRehearsal } from '../view/rehearsal.ts';
import { rehearsalPage } from '../view/rehearsal-html.ts';

interface RehearseOptions {
  readonly service: string;
  readonly environment: string;
  readonly runbook?: string;
  readonly last: number;
  readonly step?: number;
  readonly version?: string;
  readonly prometheus?: string;
  readonly selector?: string;
  readonly fromFile?: string;
  readonly toFile?: string;
  readonly rounds?: number;
  readonly seed: number;
  readonly html?: string;
  readonly json?: true;
}

export function addRehearse(command: Command): void {
  command
    .option('--runbook <file>', 'use this file instead of the runbook in BLUEGREEN_RUNBOOKS')
    .addOption(
      new Option('--last <length>', 'how much history to use: 12h, 7d')
        .argParser(lengthOf)
        .default(lengthOf('7d'), '7d'),
    )
    .option(
      '--step <length>',
      "the length of an interval (default: the runbook's poll if it reads Prometheus, else 15s)",
      lengthOf,
    )
    .option('--version <version>', 'use only the traffic of this version (default: all versions together)')
    .option('--prometheus <url>', "read the history from this Prometheus instead of the runbook's")
    .option('--selector <labels>', "labels of the service's series: 'job=\"shop\"'")
    .option('--from-file <file>', 'read the history from a JSON Lines file')
    .option('--to-file <file>', 'also write the history to this file, for --from-file')
    .option('--rounds <number>', 'how often to split each soak (default: 200, fewer for a long history)', wholeNumber)
    .option('--seed <number>', 'random seed', wholeNumber, 1)
    .option('--html <file>', 'also write a page with plots')
    .option('--json', 'print JSON (docs/rehearse.md)')
    .action(rehearseThePast);
  withAddress(command);
  withExample(
    command,
    'rehearse --service recommendation --last 7d --html rehearsal.html',
    'rehearse --service recommendation --prometheus http://127.0.0.1:19090 --selector \'job="router"\' --last 1h',
    'rehearse --service recommendation --from-file past.jsonl --json',
  );
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function lengthOf(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('Expected a length such as 15s, 30m, 12h or 7d.');
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 999999.');
}

const STEP_MS = 15_000;
const TELL_EVERY_MS = 5_000;

async function rehearseThePast(options: RehearseOptions): Promise<void> {
  try {
    await run(options);
  } catch (error) {
    if (!(error instanceof HistoryError) && !(error instanceof RunbookError)) throw error;
    throw new CliError(EXIT.usage, error.message, { cause: error });
  }
}

async function run(options: RehearseOptions): Promise<void> {
  const registry = await loadKinds();
  const runbook = await runbookFor(options, registry);
  const step = await stepOf(runbook);
  const past =
    options.fromFile === undefined ? await pastOf(runbook, options, registry) : await pastIn(options.fromFile);
  if (options.toFile !== undefined) await write(options.toFile, formatHistory(past));
  const { rounds, seed } = options;
  const progress = tell('Rehearsing');
  const rehearsal = sanitize(runBacktest(past, { step, seed, progress, ...(rounds !== undefined && { rounds }) }));

  const subject = { service: runbook.service, environment: runbook.environment };
  if (options.html !== undefined) await write(options.html, rehearsalPage(subject, rehearsal));
  if (options.json) printJson({ ...subject, ...rehearsal });
  else printLines(renderRehearsal(subject, rehearsal, { paint: paintFor(), width: Math.min(80, columns()) }));
}

async function runbookFor(
  { service, environment, runbook: file }: RehearseOptions,
  { format }: Registry,
): Promise<Runbook> {
  const isWanted = (runbook: Runbook) => runbook.service === service && runbook.environment === environment;
  if (file !== undefined) {
    const runbook = await loadRunbook(file, format);
    if (isWanted(runbook)) return runbook;
    throw new CliError(
      EXIT.usage,
      `${file} is the runbook of ${runbook.service} in ${runbook.environment}, not of ${service} in ${environment}.`,
    );
  }
  const folder = process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks';
  const names = await readdir(folder).catch((error: unknown) => {
    throw new CliError(EXIT.usage, `The folder of runbooks ${folder} cannot be read (${errorCode(error)}).`);
  });
  const broken: string[] = [];
  for (const name of names.filter((one) => /^[^.].*\.ya?ml$/.test(one)).sort())
    try {
      const runbook = await loadRunbookOrBase(join(folder, name), format);
      if (runbook && isWanted(runbook)) return runbook;
    } catch (error) {
      if (!(error instanceof RunbookError)) throw error;
      broken.push(error.message);
    }
  const more = broken.length === 0 ? '' : `\nSome are broken:\n${broken.join('\n')}`;
  throw new CliError(
    EXIT.usage,
    `There is no runbook for ${service} in ${environment} in ${folder}. Name one with --runbook FILE.${more}`,
  );
}

/** Uses the plan of a deployment: a rehearsal judges as a deployment does. */
async function stepOf(runbook: Runbook): Promise<RehearsedStep> {
  const { service, environment } = runbook;
  const request = { service, environment, version: 'rehearsed' };
  return firstStepOf(toPlan({ runbook, digest: '', request, blue: 'past', deployment: 'rehearsal' }));
}

async function pastIn(file: string): Promise<TrafficHistory> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(EXIT.usage, `${file}: cannot be read (${errorCode(error)}).`, { cause: error });
  });
  return parseHistory(text, file);
}

async function pastOf(runbook: Runbook, options: RehearseOptions, registry: Registry): Promise<TrafficHistory> {
  const { service, environment, metrics, limits } = runbook;
  const source = registry.metrics(historyConfig(metrics, options), {
    target: { deployment: '', service, environment, blue: '', green: '', digest: '' },
    limits: toLimits(limits),
    env: process.env,
    log: { info: printError, warn: printError, error: printError },
  });
  if (!source.history)
    throw new HistoryError(
      "The runbook's metrics have no history. Add --prometheus URL and --selector 'job=\"shop\"', or --from-file FILE.",
    );
  const stepMs = options.step ?? (source.freshEveryMs > 0 ? source.freshEveryMs : STEP_MS);
  const to = Math.floor(Date.now() / stepMs) * stepMs;
  const question = {
    stepMs,
    to,
    from: to - Math.ceil(options.last / stepMs) * stepMs,
    ...(options.version !== undefined && { version: options.version }),
  };
  const never = new AbortController().signal; // each answer has its own bound
  return await source
    .history(question, { signal: never, progress: tell('Reading the history') })
    .catch((error: unknown) => {
      if (error instanceof HistoryError) throw error;
      const why = messageOf(error);
      throw new CliError(EXIT.unreachable, `The history cannot be read: ${why}.`, { cause: error });
    });
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: unknown) => {
    throw new CliError(EXIT.usage, `${file}: cannot be written (${errorCode(error)}).`, { cause: error });
  });
}

/** Prints the progress every five seconds, for a person who waits. */
function tell(what: string): (done: number) => void {
  let toldAt = Date.now();
  return (done) => {
    if (Date.now() - toldAt < TELL_EVERY_MS) return;
    toldAt = Date.now();
    printError(`${what}: ${Math.round(100 * done)} %`);
  };
}

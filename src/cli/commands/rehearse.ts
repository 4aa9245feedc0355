import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import {
  firstStepOf,
  formatHistory,
  HistoryError,
  parseHistory,
  type RehearsedStep,
  readHistory,
  resolveHistorySource,
  runBacktest,
  type TrafficHistory,
} from '../../backtest/index.ts';
import { loadRunbook, type Runbook, RunbookError, toPlan } from '../../runbook/index.ts';
import { errorCode } from '../../util/index.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withAddress, withExample } from '../options.ts';
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
    .option('--runbook <file>', 'this runbook, not the one among BLUEGREEN_RUNBOOKS')
    .option('--last <length>', 'how far back: 12h, 7d', lengthOf, lengthOf('7d'))
    .option(
      '--step <length>',
      "how long an interval is (default: the runbook's poll of a Prometheus, or 15s)",
      lengthOf,
    )
    .option('--version <version>', 'only the traffic of this version, not of all together')
    .option('--prometheus <url>', 'read the history from this Prometheus, not the one in the runbook')
    .option('--selector <labels>', "which series are the service's: 'job=\"shop\"'")
    .option('--from-file <file>', 'read the history from a JSON Lines file')
    .option('--to-file <file>', 'keep the history that was read, for --from-file')
    .option('--rounds <number>', 'how often each soak is split (default: 200, fewer for a long past)', wholeNumber)
    .option('--seed <number>', 'random seed', wholeNumber, 1)
    .option('--html <file>', 'writes a page with plots, too')
    .option('--json', 'as JSON (docs/rehearse.md)')
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
  const runbook = await runbookFor(options);
  const step = await stepOf(runbook);
  const past = options.fromFile === undefined ? await pastOf(runbook, options) : await pastIn(options.fromFile);
  if (options.toFile !== undefined) await write(options.toFile, formatHistory(past));
  const { rounds, seed } = options;
  const progress = tell('Rehearsing');
  const rehearsal = sanitize(runBacktest(past, { step, seed, progress, ...(rounds !== undefined && { rounds }) }));

  const subject = { service: runbook.service, environment: runbook.environment };
  if (options.html !== undefined) await write(options.html, rehearsalPage(subject, rehearsal));
  if (options.json) printJson({ ...subject, ...rehearsal });
  else printLines(renderRehearsal(subject, rehearsal, { paint: paintFor(), width: Math.min(80, columns()) }));
}

async function runbookFor({ service, environment, runbook: file }: RehearseOptions): Promise<Runbook> {
  const isWanted = (runbook: Runbook) => runbook.service === service && runbook.environment === environment;
  if (file !== undefined) {
    const runbook = await loadRunbook(file);
    if (isWanted(runbook)) return runbook;
    throw new CliError(
      EXIT.usage,
      `${file} is about ${runbook.service} in ${runbook.environment}, not ${service} in ${environment}.`,
    );
  }
  const folder = process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks';
  const names = await readdir(folder).catch((error: unknown) => {
    throw new CliError(EXIT.usage, `The folder of runbooks ${folder} cannot be read (${errorCode(error)}).`);
  });
  const broken: string[] = [];
  for (const name of names.filter((one) => /^[^.].*\.ya?ml$/.test(one)).sort())
    try {
      const runbook = await loadRunbook(join(folder, name));
      if (isWanted(runbook)) return runbook;
    } catch (error) {
      if (!(error instanceof RunbookError)) throw error;
      broken.push(error.message);
    }
  const more = broken.length === 0 ? '' : `\nSome are broken:\n${broken.join('\n')}`;
  throw new CliError(
    EXIT.usage,
    `No runbook for ${service} in ${environment} in ${folder}: name one with --runbook.${more}`,
  );
}

/** By the plan itself, so that nothing is rehearsed but what a deployment does. */
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

async function pastOf({ metrics, limits }: Runbook, options: RehearseOptions): Promise<TrafficHistory> {
  const { server, selector } = await resolveHistorySource(metrics, options, process.env);
  const { requests, latency, versionLabel, codeLabel } = metrics;
  const stepMs = options.step ?? (metrics.kind === 'prometheus' ? metrics.poll : STEP_MS);
  const to = Math.floor(Date.now() / stepMs) * stepMs;
  const question = {
    selector,
    requests,
    versionLabel,
    codeLabel,
    stepMs,
    to,
    from: to - Math.ceil(options.last / stepMs) * stepMs,
    ...(latency !== undefined && { latency }),
    ...(limits.latency && { slowOverMs: limits.latency.under }),
    ...(options.version !== undefined && { version: options.version }),
  };
  const never = new AbortController().signal; // each answer has its own bound
  return await readHistory(server, question, { signal: never, progress: tell('Reading the past') }).catch(
    (error: unknown) => {
      if (error instanceof HistoryError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new CliError(EXIT.unreachable, `The past cannot be read: ${why}.`, { cause: error });
    },
  );
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

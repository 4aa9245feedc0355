import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { DEFAULT_ENVIRONMENT } from '../../domain/index.ts';
import { count } from '../../format/index.ts';
import type { Registry } from '../../plugin/index.ts';
import {
  digestOf,
  loadRunbookOrBase,
  parseRunbook,
  type Runbook,
  RunbookError,
  readWholeRunbook,
  runbookJsonSchema,
} from '../../runbook/index.ts';
import { errorCode } from '../../util/index.ts';
import { COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { nameOf, withExample } from '../options.ts';
import { loadKinds } from '../registry.ts';
import { type RunbookTemplate, runbookTemplate } from '../runbook-template.ts';
import { formatDurationRoughly } from '../view/format.ts';
import { print, printError, printJsonLine, sanitize } from '../view/output.ts';

interface ValidateOptions {
  readonly probe?: true;
  readonly blue?: string;
  readonly json?: true;
}

interface InitOptions extends Omit<RunbookTemplate, 'service'> {
  readonly service?: string;
  readonly output?: string;
}

export function addRunbook(command: Command): void {
  const init = command
    .command('init')
    .description(
      'Writes a valid runbook with comments. At a terminal it asks for what you give no option for. Put your own programs and ' +
        'addresses into it.',
    )
    .option('--service <name>', 'the service', nameOf)
    .option('--environment <name>', 'the environment', nameOf, DEFAULT_ENVIRONMENT)
    .option('--output <file>', 'the file to write (default: SERVICE.yaml in BLUEGREEN_RUNBOOKS, with - for /)')
    .option('--prometheus <url>', 'the address of your Prometheus', 'http://127.0.0.1:9090')
    .option('--requests <metric>', 'the counter of requests', 'http_requests_total')
    .option('--latency <metric>', 'the histogram of request durations', 'http_request_duration_seconds')
    .option('--version-label <label>', 'the label that holds the version', 'version')
    .option('--code-label <label>', 'the label that holds the HTTP status', 'code')
    .action(async ({ output, ...options }: InitOptions) => initRunbook(await complete(init, options), output));
  withExample(init, 'runbook init --service shop --prometheus http://prometheus.example.com:9090');
  const validate = command
    .command('validate')
    .description(
      "Shows every mistake in a runbook, with its line, and warns of what is doubtful. Needs no Temporal. With --probe it also checks, on the worker's machine, " +
        "that programs, variables, addresses, databases, metrics and the router's status are there. It changes and sends nothing.",
    )
    .argument('<file...>', 'the runbooks')
    .option('--probe', 'check what the runbook names; exit code 11: a deployment would not work')
    .option('--blue <version>', 'with --probe: the version that serves now (default: what the router says)')
    .option('--json', 'with --probe: print JSON')
    .action(async (files: string[], options: ValidateOptions) => {
      const registry = await loadKinds();
      for (const file of files) await validateFile(file, registry, options);
    });
  withExample(validate, 'runbook validate runbooks/*.yaml', 'runbook validate --probe runbooks/recommendation.yaml');
  const show = command
    .command('show')
    .description(
      'Prints a runbook together with what it extends, as the worker reads it, and its digest. Needs no Temporal.',
    )
    .argument('<file>', 'the runbook')
    .action(showRunbook);
  withExample(show, 'runbook show runbooks/shop.yaml');
  const schema = command
    .command('schema')
    .description(
      'Prints the JSON Schema of runbooks, with the kinds of the plugins that are loaded here: for completion in editors.',
    )
    .action(async () => print(JSON.stringify(runbookJsonSchema((await loadKinds()).format), null, 2)));
  withExample(schema, 'runbook schema');
}

/** What no option says is asked for at a terminal, if the service is not named; in a script the service has to be. */
async function complete(init: Command, options: Omit<InitOptions, 'output'>): Promise<RunbookTemplate> {
  const { service } = options;
  if (service !== undefined) return { ...options, service };
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new CliError(EXIT.usage, 'Say which service, with --service NAME. At a terminal it is asked for.');
  const given = Object.fromEntries(
    Object.entries(options).filter(([name]) => init.getOptionValueSource(name) === 'cli'),
  );
  const { askRunbook } = await import('../ask-runbook.ts');
  return askRunbook(given, options);
}

async function initRunbook(values: RunbookTemplate, output: string | undefined): Promise<void> {
  const file =
    output ?? join(process.env['BLUEGREEN_RUNBOOKS'] ?? 'runbooks', `${values.service.replaceAll('/', '-')}.yaml`);
  const text = runbookTemplate(values);
  const { format } = await loadKinds();
  try {
    parseRunbook(text, { file, format });
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    if (error instanceof RunbookError) throw new CliError(EXIT.usage, error.message, { cause: error });
    const why =
      errorCode(error) === 'EEXIST' ? 'already exists and was not changed' : `cannot be written (${errorCode(error)})`;
    throw new CliError(EXIT.usage, `${file}: ${why}. Name another file with --output.`, { cause: error });
  }
  print(`Written: ${file}`);
  print('Put your own programs and addresses into it, then check it:');
  print(`  ${COMMAND} runbook validate ${file}`);
  print('See what the watch would see of your metrics:');
  print(`  ${COMMAND} metrics inspect --runbook ${file}`);
}

async function validateFile(file: string, registry: Registry, options: ValidateOptions): Promise<void> {
  try {
    const runbook = await loadRunbookOrBase(file, registry.format);
    const probed = options.probe && runbook;
    if (probed) await probeFile(file, probed, registry, options);
    else
      print(`${file}: ${runbook ? describe(runbook) : 'ok: no runbook, only a base for others (it has no service)'}`);
    if (runbook) for (const warning of registry.format.warnings(runbook)) printError(`${file}: warning: ${warning}`);
  } catch (error) {
    if (!(error instanceof RunbookError)) throw error;
    printError(error.message);
    process.exitCode = EXIT.usage;
  }
}

async function probeFile(
  file: string,
  runbook: Runbook,
  registry: Registry,
  { blue, json }: ValidateOptions,
): Promise<void> {
  const { probeRunbook } = await import('../../probe/index.ts');
  const probes = sanitize(await probeRunbook(runbook, { registry, env: process.env, blue }));
  if (json) printJsonLine({ file, service: runbook.service, environment: runbook.environment, probes });
  else {
    print(`${file}: ${describe(runbook)}`);
    for (const { what, isOk, found, unblock } of probes)
      print(`  ${isOk ? 'ok      ' : 'problem '} ${what}: ${found}${unblock ? `. To do: ${unblock}` : ''}`);
  }
  if (probes.some(({ isOk }) => !isOk)) process.exitCode ??= EXIT.refused;
}

async function showRunbook(file: string): Promise<void> {
  const { format } = await loadKinds();
  const { data, files, runbook } = await readWholeRunbook(file, format).catch((error: unknown) => {
    throw error instanceof RunbookError ? new CliError(EXIT.usage, error.message, { cause: error }) : error;
  });
  print(`# ${files.join(', which extends ')}`);
  print(`# digest: ${digestOf(runbook)}`);
  print(stringify(sanitize(data), { lineWidth: 0 }).trimEnd());
}

function describe({ service, environment, checklist, traffic }: Runbook): string {
  const steps = traffic.map(
    ({ percentage, soak, approval }) =>
      `${percentage} % for ${formatDurationRoughly(soak)}${approval ? ', then approval' : ''}`,
  );
  const critical = checklist.filter((check) => check.critical).length;
  return `ok: ${service} in ${environment}; ${count(checklist.length, 'check')} (${critical} critical); ${steps.join('; ')}`;
}

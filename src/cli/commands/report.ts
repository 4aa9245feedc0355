import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Client, defaultPayloadConverter } from '@temporalio/client';
import { arrayFromPayloads } from '@temporalio/common';
import { type Command, Option } from 'commander';
import type { ReportInput } from '../../domain/index.ts';
import { createReportStore, documentOf, FORMATS, type Format, type Poll, render } from '../../report/index.ts';
import { openState, type StateStore } from '../../state/index.ts';
import { hasEnded } from '../../temporal/index.ts';
import { errorCode, messageOf } from '../../util/index.ts';
import { type Address, addressFlags, COMMAND } from '../address.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withAddress, withExample } from '../options.ts';
import { type DeploymentHandle, findDeployment, inTime, withTemporal } from '../temporal.ts';
import { outcomeOf } from '../view/outcome.ts';
import { print, printError, sanitize } from '../view/output.ts';
import { fetchSnapshot } from '../view/snapshot.ts';

interface ReportOptions extends Address {
  readonly format?: 'html' | 'json' | 'md';
  readonly output?: string;
}

export function addReport(command: Command): void {
  withFormat(command.option('--run <id>', 'this run instead of the newest')).action(report);
  withAddress(command);
  withExample(
    command,
    'report --service recommendation',
    'report --service recommendation --output report.html',
    'report --service recommendation --format json | less',
  );
}

/** In which format, and where to. */
export function withFormat(command: Command): Command {
  const format = new Option('--format <format>', 'the format (default: from the ending of --output, or md)');
  return command.addOption(format.choices(['md', 'html', 'json'])).option('--output <file>', 'write it to this file');
}

async function report(options: ReportOptions): Promise<void> {
  await withTemporal(async (client) => {
    const { deployment, report: ended } = await endOf(client, options);
    const polls = await pollsOf(deployment);
    const text = await render(formatOf(options), sanitize(documentOf(deployment, ended, polls)));
    await put(text, options);
  });
}

/** Prints it, or writes it to the file that was asked for. */
export async function put(text: string, { output }: Pick<ReportOptions, 'output'>): Promise<void> {
  if (output === undefined) return print(text.trimEnd());
  await writeFile(output, text).catch((error: unknown) => {
    throw new CliError(EXIT.usage, `${output}: cannot be written (${errorCode(error)}).`, { cause: error });
  });
}

/** A state that cannot be read is no reason to show no report. */
export async function pollsOf(deployment: string): Promise<Poll[]> {
  const state = await stateToRead();
  try {
    return await createReportStore(state).polls(deployment);
  } catch (error) {
    printError(`The charts are coarse, without the series: ${messageOf(error)}`);
    return [];
  } finally {
    await state.close();
  }
}

async function stateToRead(): Promise<StateStore> {
  try {
    return await openState();
  } catch (error) {
    throw new CliError(EXIT.usage, `${messageOf(error)}.`, { cause: error });
  }
}

/** A page in a file called `.html`, unless another format was asked for by name. */
export function formatOf({ format, output = '' }: Pick<ReportOptions, 'format' | 'output'>): Format {
  return format ?? FORMATS.find((one) => extname(output) === `.${one}`) ?? 'md';
}

/** What the deployment said at its end. @throws CliError while it is under way, and where nothing of it is known. */
async function endOf(client: Client, options: ReportOptions): Promise<ReportInput> {
  const { handle, description } = await findDeployment(client, options);
  const { workflowId, runId, status } = description;
  if (!hasEnded(status.name))
    throw new CliError(
      EXIT.underWay,
      `The deployment of ${options.service} is running. Its report is created when it has ended. ` +
        `Watch it: ${COMMAND} watch ${addressFlags(options)}`,
    );
  const asked = await askedToWrite(client, { workflowId, runId });
  if (asked) return sanitize(asked);
  return { deployment: `${workflowId}/${runId}`, report: await reportOf(client, handle, options) };
}

/**
 * What the worker was asked to write, among the last events of the history: every ending has it, a cancelled one, too,
 * whose history holds no other report.
 */
export async function askedToWrite(
  client: Client,
  execution: { readonly workflowId: string; readonly runId: string },
): Promise<ReportInput | undefined> {
  const { history } = await inTime(client, () =>
    client.workflowService.getWorkflowExecutionHistoryReverse({
      namespace: client.options.namespace,
      execution,
      maximumPageSize: 100,
    }),
  );
  const scheduled = history?.events
    ?.map((event) => event.activityTaskScheduledEventAttributes)
    .find((attributes) => attributes?.activityType?.name === 'writeReport');
  const [input] = arrayFromPayloads(defaultPayloadConverter, scheduled?.input?.payloads);
  return input as ReportInput | undefined;
}

/** Of one that was ended by force: as its workflow saw it last, if a worker answers. */
async function reportOf(
  client: Client,
  handle: DeploymentHandle,
  address: ReportOptions,
): Promise<ReportInput['report']> {
  const { status } = await fetchSnapshot(client, handle);
  const { summary, report: last } = await outcomeOf(client, handle, status);
  if (last) return { ...last, summary };
  throw new CliError(
    EXIT.unknown,
    `${summary} Without a worker there is no report: start one, then repeat ${COMMAND} report ${addressFlags(address)}`,
  );
}

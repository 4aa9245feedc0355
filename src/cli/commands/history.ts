import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Command } from 'commander';
import { type DeploymentReport, deploymentWorkflowId } from '../../domain/index.ts';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import { type Address, addressFlags, COMMAND } from '../address.ts';
import { type Row, rowsWhere } from '../deployment-rows.ts';
import { positiveNumber, withAddress, withExample } from '../options.ts';
import { withTemporal } from '../temporal.ts';
import { clock, formatDuration, formatDurationRoughly } from '../view/format.ts';
import { aligned } from '../view/layout.ts';
import { outcomeOf } from '../view/outcome.ts';
import { printJson, printLines, sanitize } from '../view/output.ts';
import { versionsWords } from '../view/report.ts';

interface HistoryOptions extends Address {
  readonly limit: number;
  readonly json?: true;
}

export function addHistory(command: Command): void {
  withAddress(command)
    .option('--limit <number>', 'the most to show', positiveNumber, 20)
    .option('--json', 'as JSON, with the summary of each')
    .action(history);
  withExample(command, 'history --service recommendation', 'history --service recommendation --limit 5 --json');
}

/** A deployment that is over. */
interface Past {
  readonly runId: string;
  readonly version: string;
  /** The version that served before, where it came so far that it was known. */
  readonly blue?: string;
  /** The run that a rollback of its own undid: then `version` is what was rolled back, and `blue` what serves. */
  readonly undoes?: NonNullable<DeploymentReport['undoes']>;
  readonly outcome: string;
  readonly summary: string;
  readonly startedAt: number;
  readonly closedAt: number;
  readonly tookMs: number;
  readonly recoveryMs?: number;
  readonly withinTarget?: boolean;
  readonly requestedBy?: string;
  readonly reason?: string;
}

async function history(options: HistoryOptions): Promise<void> {
  await withTemporal(async (client) => {
    const past = await findPast(client, options);
    if (options.json) printJson(past);
    else printLines(renderPast(past, options));
  });
}

async function findPast(client: Client, { service, environment, limit }: HistoryOptions): Promise<Past[]> {
  // By the id, which every run has: what was refused at once has no search attributes.
  const conditions = [`WorkflowId = '${deploymentWorkflowId(service, environment)}'`, "ExecutionStatus != 'Running'"];
  const rows = await rowsWhere(client, { conditions, limit });
  return sanitize(await Promise.all(rows.map((row) => pastOf(client, row))));
}

async function pastOf(client: Client, row: Row): Promise<Past> {
  const { workflowId, runId, startedAt, closedAt = startedAt } = row;
  const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, runId);
  const end = await unlessForgotten(outcomeOf(client, handle, undefined));
  const report = end?.report;
  const { version, requestedBy, reason } = report ?? row;
  const { recoveryMs, withinTarget } = report?.rollback ?? {};
  return {
    runId,
    version,
    ...(report?.blue === undefined ? {} : { blue: report.blue }),
    ...(report?.undoes === undefined ? {} : { undoes: report.undoes }),
    outcome: row.phase,
    summary: end?.summary ?? 'Temporal no longer has its history.',
    startedAt,
    closedAt,
    tookMs: closedAt - startedAt,
    ...(recoveryMs === undefined ? {} : { recoveryMs }),
    ...(withinTarget === undefined ? {} : { withinTarget }),
    ...(requestedBy === undefined ? {} : { requestedBy }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Nothing where Temporal has just forgotten what its list still names. */
async function unlessForgotten<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function renderPast(past: readonly Past[], address: Pick<HistoryOptions, 'service' | 'environment'>): string[] {
  if (past.length === 0)
    return [
      `No past deployment of ${address.service} in ${address.environment}. ` +
        `To see a running one: ${COMMAND} status ${addressFlags(address)}`,
    ];
  const cells = past.map(
    ({ startedAt, blue, version, undoes, outcome, tookMs, recoveryMs, withinTarget, requestedBy }) => [
      clock(startedAt),
      versionsWords({ version, ...(blue === undefined ? {} : { blue }), ...(undoes === undefined ? {} : { undoes }) }),
      outcome,
      formatDurationRoughly(tookMs),
      recoveryMs === undefined ? '-' : `${formatDuration(recoveryMs)}${withinTarget === false ? ' (late)' : ''}`,
      requestedBy ?? '-',
    ],
  );
  return aligned([['STARTED', 'VERSION', 'OUTCOME', 'TOOK', 'RECOVERY', 'BY'], ...cells]);
}

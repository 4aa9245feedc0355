import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { addressInId, isClosed, PHASES, type Phase } from '../../domain/index.ts';
import { WORKFLOW_TYPE } from '../../temporal/index.ts';
import { COMMAND } from '../address.ts';
import { positiveNumber, withExample } from '../options.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { attribute } from '../view/attribute.ts';
import { clock, formatDurationRoughly } from '../view/format.ts';
import { aligned } from '../view/layout.ts';
import { print, printJson, sanitize } from '../view/output.ts';

interface ListOptions {
  readonly service?: string;
  readonly environment?: string;
  readonly phase?: Phase;
  readonly open?: true;
  readonly limit: number;
  readonly json?: true;
}

export function addList(command: Command): void {
  command
    .option('--service <name>', 'only deployments of this service')
    .option('--environment <name>', 'only deployments in this environment')
    .addOption(new Option('--phase <phase>', 'only deployments in this phase, or with this outcome').choices(PHASES))
    .option('--open', 'only running deployments')
    .option('--limit <number>', 'the most to show', positiveNumber, 20)
    .option('--json', 'as JSON')
    .action(list);
  withExample(
    command,
    'list --open',
    'list --phase awaiting-approval',
    'list --service recommendation --limit 5 --json',
  );
}

const PAGE = 200;

/** A deployment as Temporal lists it. */
export interface Row {
  readonly workflowId: string;
  readonly runId: string;
  readonly service: string;
  readonly environment: string;
  readonly version: string;
  readonly state: string;
  readonly phase: string;
  readonly startedAt: number;
  readonly closedAt?: number;
}

async function list(options: ListOptions): Promise<void> {
  await withTemporal(async (client) => {
    const rows = sanitize(await findRows(client, options));
    if (options.json) printJson(rows);
    else for (const line of renderRows(rows)) print(line);
  });
}

function findRows(client: Client, { service, environment, phase, open, limit }: ListOptions): Promise<Row[]> {
  // One that was ended by force still has the phase that it was in.
  const conditions = open || (phase && !isClosed(phase)) ? ["ExecutionStatus = 'Running'"] : [];
  // The rest is compared here: the namespace may have no such search attributes, or not have had them at the time.
  const isWanted = (row: Row): boolean =>
    (service === undefined || row.service === service) &&
    (environment === undefined || row.environment === environment) &&
    (phase === undefined || row.phase === phase);
  return rowsWhere(client, { conditions, limit, isWanted });
}

interface Wanted {
  /** Of Temporal's list filter. */
  readonly conditions: readonly string[];
  readonly limit: number;
  readonly isWanted?: (row: Row) => boolean;
}

/** Deployments that meet all of these conditions, the newest first. */
export async function rowsWhere(client: Client, { conditions, limit, isWanted = () => true }: Wanted): Promise<Row[]> {
  const query = [`WorkflowType = '${WORKFLOW_TYPE}'`, ...conditions].join(' AND ');
  return inTime(client, async () => {
    const rows: Row[] = [];
    for await (const execution of client.workflow.list({ query, pageSize: PAGE })) {
      const { workflowId, runId, status, startTime, closeTime } = execution;
      const address = addressInId(workflowId);
      const known = attribute(execution, 'BlueGreenPhase');
      const row = {
        workflowId,
        runId,
        service: attribute(execution, 'BlueGreenService') ?? address?.service ?? workflowId,
        environment: attribute(execution, 'BlueGreenEnvironment') ?? address?.environment ?? '?',
        version: attribute(execution, 'BlueGreenVersion') ?? '?',
        state: status.name,
        phase: phaseOf(status.name, known),
        startedAt: startTime.getTime(),
        ...(closeTime ? { closedAt: closeTime.getTime() } : {}),
      };
      if (isWanted(row)) rows.push(row);
      if (rows.length >= limit) break;
    }
    return rows;
  });
}

/** What Temporal says counts when a workflow ended without its own last word. */
function phaseOf(state: string, known: string | undefined): string {
  const phase = PHASES.find((one) => one === known);
  if (state === 'RUNNING') return phase ?? 'starting';
  if (phase && isClosed(phase)) return phase;
  return state === 'FAILED' ? 'refused' : state.toLowerCase();
}

export function renderRows(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [`No deployments. Start one: ${COMMAND} start --service NAME --version VERSION`];
  const cells = rows.map(({ service, environment, version, phase, startedAt, closedAt }) => [
    service,
    environment,
    version,
    phase,
    clock(startedAt),
    formatDurationRoughly((closedAt ?? Date.now()) - startedAt),
  ]);
  return aligned([['SERVICE', 'ENVIRONMENT', 'VERSION', 'PHASE', 'STARTED', 'TOOK'], ...cells]);
}

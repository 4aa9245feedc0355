import type { Client } from '@temporalio/client';
import { type Command, Option } from 'commander';
import { freezeWords, isClosed, PHASES } from '../../domain/index.ts';
import { attendanceOf, buildNeeded, isAttended } from '../../temporal/index.ts';
import { START_WORKER } from '../../util/index.ts';
import { COMMAND } from '../address.ts';
import { CHECKLIST_PASSED, ROLLBACK_DONE, type Row, rowsWhere } from '../deployment-rows.ts';
import { allFrozen } from '../frozen.ts';
import { positiveNumber, withExample } from '../options.ts';
import { allQueued, queuedWords } from '../queued.ts';
import { inTime, withTemporal } from '../temporal.ts';
import { listTrains, renderTrains } from '../train/list.ts';
import { startedWith } from '../view/attribute.ts';
import { clock, formatDurationRoughly } from '../view/format.ts';
import { aligned } from '../view/layout.ts';
import { print, printJson, printLines, sanitize } from '../view/output.ts';

/** Neither a checklist alone nor a rollback of its own is a deployment. */
const LISTED_PHASES = [...PHASES, CHECKLIST_PASSED, ROLLBACK_DONE] as const;
type ListedPhase = (typeof LISTED_PHASES)[number];

interface ListOptions {
  readonly service?: string;
  readonly environment?: string;
  readonly phase?: ListedPhase;
  readonly open?: true;
  readonly trains?: true;
  readonly limit: number;
  readonly json?: true;
}

export function addList(command: Command): void {
  command
    .option('--service <name>', 'only deployments of this service')
    .option('--environment <name>', 'only deployments in this environment')
    .addOption(
      new Option('--phase <phase>', 'only deployments in this phase, or with this outcome').choices(LISTED_PHASES),
    )
    .option('--open', 'only running deployments')
    .option('--trains', 'trains instead of deployments; with --open, only running ones')
    .option('--limit <number>', 'the most to show', positiveNumber, 20)
    .option('--json', 'as JSON')
    .action(list);
  withExample(
    command,
    'list --open',
    'list --phase awaiting-approval',
    'list --service recommendation --limit 5 --json',
    'list --trains --open',
  );
}

async function list(options: ListOptions): Promise<void> {
  await withTemporal(async (client) => {
    if (options.trains) {
      const trains = await listTrains(client, options);
      return options.json ? printJson(trains) : printLines(renderTrains(trains));
    }
    const rows = sanitize(await withWorkers(client, await findRows(client, options)));
    if (options.json) return printJson(rows);
    for (const line of renderRows(rows)) print(line);
    for (const line of unattendedLines(rows)) print(line);
    for (const one of await allQueued(client, options)) print(`Queued: ${queuedWords(one)}`);
    for (const one of await allFrozen(client, options)) print(`Frozen: ${freezeWords(one)}`);
  });
}

function findRows(client: Client, { service, environment, phase, open, limit }: ListOptions): Promise<Row[]> {
  // One that was ended by force still has the phase that it was in.
  const conditions = open || (phase && isOpen(phase)) ? ["ExecutionStatus = 'Running'"] : [];
  return rowsWhere(client, { conditions, limit, wanted: { service, environment, phase } });
}

/** The same, and of each that runs whether a worker takes its work, where Temporal says that. */
async function withWorkers(client: Client, rows: readonly Row[]): Promise<Row[]> {
  const queues = new Set(rows.filter(isRunning).map(({ taskQueue }) => taskQueue));
  const asked = [...queues].map(
    async (queue) => [queue, await inTime(client, () => attendanceOf(client, queue)).catch(() => undefined)] as const,
  );
  const attendance = new Map(await Promise.all(asked));
  return rows.map((row) => {
    const queue = isRunning(row) ? attendance.get(row.taskQueue) : undefined;
    if (!queue) return row;
    const build = buildNeeded(queue, row.build);
    return { ...row, ...(build !== undefined && { build }), hasWorker: isAttended(queue, row.build) };
  });
}

const isRunning = ({ state }: Row): boolean => state === 'RUNNING';

function unattendedLines(rows: readonly Row[]): string[] {
  const lines = rows.filter(({ hasWorker }) => hasWorker === false).map(unattendedLine);
  return [...new Set(lines)];
}

function unattendedLine({ taskQueue, build }: Row): string {
  if (build === undefined)
    return `No worker takes work from the task queue "${taskQueue}": nothing is watched there. Start one (${START_WORKER}) with this task queue (BLUEGREEN_TASK_QUEUE).`;
  return `No worker of the build ${build} takes work from the task queue "${taskQueue}": nothing is watched there on this build. Start one (${START_WORKER}) with ${startedWith(build)}; if the build is lost, see docs/production.md.`;
}

function isOpen(phase: ListedPhase): boolean {
  return phase !== CHECKLIST_PASSED && phase !== ROLLBACK_DONE && !isClosed(phase);
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

import { expect } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { WindowResult } from '../../../src/domain/activity-results.ts';
import type { DeploymentReport } from '../../../src/domain/report.ts';
import type { Reading } from '../../../src/plugin/counters.ts';
import type { LittleProduction } from '../../support/little-production.ts';
import type { DeploymentHandle } from '../../support/temporal.ts';
import type { HistoryEvent } from './events.ts';
import { GREEN, type Scene } from './scene.ts';

/** How a deployment closed: `completed`, `cancelled`, or the type of its failure. */
export interface Ending {
  readonly outcome: string;
  readonly message?: string;
  /** A cancelled deployment has none. */
  readonly report?: DeploymentReport;
}

export async function endingOf(handle: DeploymentHandle): Promise<Ending> {
  try {
    const report = await handle.result();
    return { outcome: report.outcome, report };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return { outcome: 'cancelled', message: cause.message };
    if (!(cause instanceof ApplicationFailure)) throw error;
    return { outcome: cause.type ?? '', message: cause.message, report: cause.details?.[0] as DeploymentReport };
  }
}

/**
 * What reached the platform, in order. Further attempts of one operation are one effect: each is the same desired state.
 * @throws when a later attempt did not follow at once, or had no higher number.
 */
function effectsOf({ audit }: Pick<LittleProduction, 'audit'>): string[] {
  const effects: string[] = [];
  const last = new Map<string, number>();
  for (const [index, { command, argument, operation = '', attempt = 0 }] of audit.entries()) {
    const before = last.get(operation);
    last.set(operation, attempt);
    if (before === undefined) effects.push(`${command} ${argument}`);
    else if (audit[index - 1]?.operation !== operation || attempt <= before)
      throw new Error(`${command} came again out of turn: ${JSON.stringify(audit, null, 1)}`);
  }
  return effects;
}

/** What a disturbed deployment has to have in common with the undisturbed one. */
export interface Account {
  readonly outcome: string;
  readonly cause?: string;
  readonly effects: readonly string[];
  readonly greenShare: number;
}

/** Waits for the end, and checks what has to be true of every deployment. */
export async function accountOf({ handle, production }: Scene): Promise<Account> {
  const { outcome, report } = await endingOf(handle);
  const events = await historyOf(handle);
  expect(await failedTasksOf(handle)).toEqual([]);
  if (report) expect(countedInWindows(report)).toBe(carriedAtEnd(events));
  const { service, audit } = production;
  const effects = effectsOf({ audit }).map((effect) => effect.replace(service, 'blue'));
  const cause = report?.rollback?.cause;
  return { outcome, ...(cause === undefined ? {} : { cause }), effects, greenShare: production.share() };
}

/** The server's word for a message that came in the moment of closing: the task is done again with it. */
const CAME_WHILE_CLOSING = 'UnhandledCommand';

/** What made the workflow's code fail: a change that cannot be replayed, or a mistake of ours. */
export async function failedTasksOf(handle: DeploymentHandle): Promise<string[]> {
  const messages = (await historyOf(handle)).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    failed ? [failed.failure?.message ?? 'without a word'] : [],
  );
  return messages.filter((message) => message !== CAME_WHILE_CLOSING);
}

async function historyOf(handle: DeploymentHandle): Promise<HistoryEvent[]> {
  const { events } = await handle.fetchHistory();
  return events ?? [];
}

/** Green's requests in all windows of the report: the evidence of the verdicts, and what came while the traffic was shifted. */
function countedInWindows({ steps }: DeploymentReport): number {
  const windows = steps.flatMap((step) => step.windows);
  return windows.reduce((sum, { green, shifting }) => sum + green.requests + (shifting?.green.requests ?? 0), 0);
}

/** Green's requests as its counters had them at the last reading: nothing was lost or doubled if this is the sum. */
function carriedAtEnd(events: readonly HistoryEvent[]): number {
  const last = events.flatMap(windowsIn).at(-1);
  const series = Object.values((last?.watchState.cursor as Reading | null | undefined)?.series ?? {});
  return series.filter(({ version }) => version === GREEN).reduce((sum, { requests }) => sum + requests, 0);
}

function windowsIn({ activityTaskCompletedEventAttributes: completed }: HistoryEvent): WindowResult[] {
  return (completed?.result?.payloads ?? [])
    .map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString('utf8') || 'null') as WindowResult | null)
    .filter((result): result is WindowResult => result !== null && 'verdict' in result);
}

import { dateMinute } from '../format/index.ts';

/** Why nobody may shift traffic now: a window of the runbook, or a person who stopped the line. */
export interface Freeze {
  /** Tells one freeze from the next one, also where both have the same name. */
  readonly id: string;
  /** The window's name, or what is frozen: `production`, `checkout in production`. */
  readonly name: string;
  /** Who stopped the line, why and when; missing for a window of the runbook. */
  readonly by?: string;
  readonly reason?: string;
  readonly since?: number;
  /** When it ends by itself; missing where somebody has to end it. */
  readonly until?: number;
}

/** What the runbook says about freezes. */
export interface FreezePlan {
  /** What was frozen when the plan was made. */
  readonly now: readonly Freeze[];
  /** Who may override a freeze. */
  readonly override: readonly string[];
  /** The longest wait for a freeze to end. */
  readonly timeoutMs: number;
}

/** Of plans that say nothing about freezes: those of deployments that began before they could. */
export const FREEZE_DEFAULTS: Readonly<FreezePlan> = { now: [], override: [], timeoutMs: 720 * 3_600_000 };

/** A deployment that waits for freezes to end. */
export interface HeldStatus {
  readonly freezes: readonly Freeze[];
  readonly since: number;
  /** The end of the longest wait. */
  readonly until: number;
}

/** A wait for freezes that is over. Times are epoch milliseconds. */
export interface PastHold {
  readonly from: number;
  readonly to: number;
  /** The freezes, in words. */
  readonly what: string;
}

/** Stops the line: for a whole environment, or for one service in it. */
export interface FreezeRequest {
  readonly environment: string;
  readonly service?: string;
  readonly by: string;
  readonly reason: string;
  /** Epoch milliseconds; without it, until `thaw`. */
  readonly until?: number;
}

/** The id of the workflow whose presence is the freeze; names as in the id of a deployment. */
export function freezeWorkflowId({ service, environment }: Pick<FreezeRequest, 'service' | 'environment'>): string {
  return ['blue-green-freeze', environment, ...(service === undefined ? [] : [service])]
    .map((name) => name.replaceAll('/', '~'))
    .join('/');
}

/** What the freeze with this workflow id is for; nothing for another id. */
export function freezeAddressInId(workflowId: string): Pick<FreezeRequest, 'service' | 'environment'> | undefined {
  const [, environment, service] = (/^blue-green-freeze\/([^/]+)(?:\/([^/]+))?$/.exec(workflowId) ?? []).map((name) =>
    name?.replaceAll('~', '/'),
  );
  if (environment === undefined) return undefined;
  return service === undefined ? { environment } : { environment, service };
}

/** `the freeze "christmas", until 2027-01-03 23:00 UTC`, `the freeze of production by ana since ...: the database is slow`. */
export function freezeWords({ name, by, reason, since, until }: Freeze): string {
  const end = until === undefined ? '' : `, until ${dateMinute(until)}`;
  if (by === undefined) return `the freeze "${name}"${end}`;
  return `the freeze of ${name} by ${by}${since === undefined ? '' : ` since ${dateMinute(since)}`}${end}: ${reason ?? 'no reason given'}`;
}

/** When they all have ended by themselves; nothing if somebody has to end one. */
export function freezesEnd(freezes: readonly Freeze[]): number | undefined {
  const ends = freezes.flatMap(({ until }) => (until === undefined ? [] : [until]));
  return ends.length < freezes.length ? undefined : Math.max(...ends);
}

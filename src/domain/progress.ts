import { dateTime } from '../format/index.ts';
/** What an activity says in its heartbeat while it works: `status`, `watch` and the Temporal UI show it. Pure. */
export interface Progress {
  /** Such as `building the index orders_by_day`. */
  readonly doing?: string;
  /** Why it has not succeeded yet, where it tries again and again. */
  readonly problem?: string;
  /** Who keeps it waiting at the moment. */
  readonly waitsFor?: readonly Holder[];
  /** The id of the check that is measured or fixed. */
  readonly check?: string;
}

/** Somebody else, such as a database session, that keeps an activity waiting. */
export interface Holder {
  /** Such as `session 4242 of ana (psql from 10.0.0.7), idle in transaction`. */
  readonly who: string;
  /** Since when, as ISO 8601; missing where that cannot be seen. */
  readonly since?: string;
  /** What ends it, such as `SELECT pg_terminate_backend(4242);`. */
  readonly toEnd?: string;
}

/** What the details of a heartbeat say; details of another form say nothing. */
export function progressOf(details: unknown): Progress {
  if (!isObject(details)) return {};
  const { doing, problem, check, waitsFor } = details;
  const holders = Array.isArray(waitsFor) ? waitsFor.flatMap(holderOf) : [];
  return {
    ...(typeof doing === 'string' ? { doing } : {}),
    ...(typeof problem === 'string' ? { problem } : {}),
    ...(typeof check === 'string' ? { check } : {}),
    ...(holders.length === 0 ? {} : { waitsFor: holders }),
  };
}

function holderOf(value: unknown): Holder[] {
  if (!isObject(value) || typeof value['who'] !== 'string') return [];
  const { who, since, toEnd } = value;
  return [
    {
      who,
      ...(typeof since === 'string' && Number.isFinite(Date.parse(since)) ? { since } : {}),
      ...(typeof toEnd === 'string' ? { toEnd } : {}),
    },
  ];
}

/** All of it in a sentence, at `now` in epoch milliseconds; empty where it says nothing. */
export function progressWords({ doing, problem, waitsFor = [] }: Progress, now: number): string {
  const held = waitsFor.map((holder) => `held up by ${holderWords(holder, now)}`);
  return [doing, problem, ...held].filter((part) => part !== undefined && part !== '').join('; ');
}

/** `session 4242 of ana, idle in transaction, since 2026-11-29 07:02:11 UTC (312 s); to end it: SELECT ...` */
export function holderWords({ who, since, toEnd }: Holder, now: number): string {
  return `${who}${since === undefined ? '' : sinceWords(Date.parse(since), now)}${toEnd === undefined ? '' : `; to end it: ${toEnd}`}`;
}

function sinceWords(at: number, now: number): string {
  return `, since ${dateTime(at)} (${lasted(now - at)})`;
}

/** `312 s`, `25 min`, `2 h 5 min` */
function lasted(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 10) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

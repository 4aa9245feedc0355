import type { Roles } from './schema.ts';

/** A role of the service's that may log in, or has sessions. */
export interface Login {
  readonly name: string;
  /** Its sessions now, in all databases of the server. */
  readonly sessions: number;
  /** How many it may have; -1: no limit. PostgreSQL applies a role's limit to its own sessions, never to its members'. */
  readonly limit: number;
  /** The runbook names it, other than by a pattern: it is not one that comes and goes. */
  readonly named: boolean;
}

/** The roles of a runbook as one text: `shop`, or `shop, shop_clone`. */
export function roleText(role: Roles): string {
  return [role].flat().join(', ');
}

/** For `LIKE ANY`: `*` stands for any characters, everything else for itself. */
export function likePatterns(role: Roles): string[] {
  return [role].flat().map((each) => each.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll('*', '%'));
}

/** The roles of the runbook that are no patterns. */
export function exactNames(role: Roles): string[] {
  return [role].flat().filter((each) => !each.includes('*'));
}

const MOST_SHOWN = 5;

/** Who is connected: `v-shop-a1 10, v-shop-b2 10`. */
export function sessionsByLogin(logins: readonly Login[]): string {
  const inUse = logins.filter(({ sessions }) => sessions > 0).toSorted((a, b) => b.sessions - a.sessions);
  const shown = inUse.slice(0, MOST_SHOWN).map(({ name, sessions }) => `${name} ${sessions}`);
  const more = inUse.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more logins`] : [])].join(', ');
}

import type pg from 'pg';
import { identifier } from './session.ts';

/** PostgreSQL's messages about rights that are missing, in English, and the statement that gives them. */
const GRANTS: readonly (readonly [RegExp, (name: string) => string])[] = [
  [/permission denied to create temporary tables in database "(.+?)"/, (name) => `TEMPORARY ON DATABASE ${name}`],
  [/permission denied for schema (\S+)/, (name) => `USAGE ON SCHEMA ${name}`],
  [
    /permission denied for (?:table|view|materialized view|relation|foreign table) (\S+)/,
    (name) => `SELECT ON ${name}`,
  ],
];

/** The GRANT that a refusal asks for, ready to be pasted; undefined if the message names no right. */
export function grantFor(message: string, client: pg.Client): string | undefined {
  for (const [pattern, right] of GRANTS) {
    const name = pattern.exec(message)?.[1];
    if (name !== undefined) return `GRANT ${right(identifier(name))} TO ${roleOf(client)};`;
  }
  return undefined;
}

/** The role that a check is logged in as, quoted. */
export function roleOf(client: pg.Client): string {
  return identifier(client.user ?? '');
}

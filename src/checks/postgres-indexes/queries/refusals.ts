import pg from 'pg';
import { grantFor, roleOf } from '../../postgres/grants.ts';
import { messageOf } from '../../postgres/session.ts';
import type { Lacking } from '../findings.ts';
import type { Config } from '../schema.ts';

export type PlannedQuery = Config['queries'][number];

/** SQLSTATE classes that tell of the connection, the server or the moment, and nothing about the query. */
const MACHINERY = /^(08|40|53|55|57|58|F0|XX)/;
/** Any of the quotation marks that PostgreSQL's languages use. */
const QUOTE = '["„“”«»「」]';
const QUOTED = new RegExp(`${QUOTE}([^"„“”«»「」]*)${QUOTE}`, 'g');
const FIRST_TO_LAST_QUOTE = new RegExp(`${QUOTE}([^]*)${QUOTE}`);
/** A name or a character, which tells where to look; anything else may be a value or half of the query. */
const HARMLESS = /^([\p{L}_][\p{L}\p{N}_$.]{0,127}|[^\p{L}\p{N}\s'"$]{1,3})$/u;

/** What PostgreSQL refuses in a query. undefined: it could not be planned for another reason. */
export function refusedQuery(
  error: unknown,
  { name }: PlannedQuery,
  { before, client }: { readonly before: number; readonly client: pg.Client },
): Lacking | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined || MACHINERY.test(error.code)) return undefined;
  const lacking = (measured: string, unblock: string): Lacking => ({ there: false, measured, unblock });
  const said = saying(error, before);
  switch (error.code) {
    case '42501':
      return lacking(
        `not allowed: ${said}`,
        grantFor(said, client) ?? `GRANT SELECT ON the tables of query ${name} TO ${roleOf(client)};`,
      );
    case '25006':
      return lacking(`planning it would write: ${said}`, `take out of query ${name} what writes`);
    case '42601':
      return lacking(
        `PostgreSQL cannot read it: ${said}`,
        `correct the sql of query ${name}: exactly one SELECT, with $1, $2, ... for its parameters`,
      );
    case '42P01':
    case '3F000':
      return lacking(
        `it names what is not there: ${said}`,
        `create it, or correct the sql of query ${name} (schema.table if the check has another search_path)`,
      );
    default:
      return lacking(
        `PostgreSQL does not take it: ${said}`,
        `correct sql or parameters of query ${name} in the runbook`,
      );
  }
}

/**
 * PostgreSQL's message without the query's text and values: a history keeps it for ever. `before` is the length of what
 * stood before the query, so that people find the place that is meant.
 */
function saying({ code = '', message, position }: pg.DatabaseError, before: number): string {
  const at = Number(position ?? 0) - before;
  const where = at > 0 ? `, at character ${at} of its sql` : '';
  return `${unquoted(code, message)} (${code})${where}`;
}

function unquoted(code: string, message: string): string {
  // Values are quoted in errors about data; a syntax error may quote all that follows. Other messages quote names only.
  if (code === '42601') return messageOf(message.replace(FIRST_TO_LAST_QUOTE, keepHarmless));
  if (code.startsWith('42')) return messageOf(message.replace(QUOTED, keepHarmless));
  if (code.startsWith('22') || code.startsWith('0A')) return messageOf(message.replace(FIRST_TO_LAST_QUOTE, '"..."'));
  return 'see the log of PostgreSQL';
}

function keepHarmless(quoted: string, inside: string): string {
  return HARMLESS.test(inside) ? quoted : '"..."';
}

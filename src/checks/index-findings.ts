import { errorCode } from '../platforms/error-code.ts';
import type { EvidenceLine } from '../runbook/plan.ts';
import type { Finding } from './check.ts';
import { definition, type Table, type WantedIndex } from './index-catalog.ts';
import { identifier, messageOf } from './postgres.ts';

/** How one wanted index stands. */
export interface Outcome {
  readonly there: boolean;
  readonly measured: string;
  readonly unblock?: string;
}

/** Why nothing can be said about an index on this table, if so. */
export function tableProblem(table: Table | undefined, wanted: WantedIndex): Outcome | undefined {
  if (table === undefined)
    return {
      there: false,
      measured: `there is no table ${wanted.table}`,
      unblock: `create ${wanted.table}, or correct its name in the runbook (schema.table; upper and lower case count)`,
    };
  if (table.kind === 'p')
    return {
      there: false,
      measured: `${wanted.table} is partitioned, which this check cannot judge yet`,
      unblock: `name the partitions of ${wanted.table} in the runbook instead, each with its index`,
    };
  if (table.kind !== 'r' && table.kind !== 'm')
    return {
      there: false,
      measured: `${wanted.table} is no table`,
      unblock: `name a table in the runbook instead of ${wanted.table}`,
    };
  return undefined;
}

/** It is not there, and the runbook does not say that the check may build it. */
export function missing(wanted: WantedIndex, invalidThere: boolean): Outcome {
  const create = `CREATE ${uniquely(wanted)}INDEX CONCURRENTLY ${identifier(wanted.name)} ${definition(wanted, wanted.table)};`;
  if (!invalidThere) return { there: false, measured: 'missing', unblock: `create it: ${create}` };
  return {
    there: false,
    measured: 'there, but invalid: a build of it was interrupted',
    unblock: `drop the invalid index (DROP INDEX CONCURRENTLY) and create it again: ${create}`,
  };
}

export function uniquely(wanted: WantedIndex): string {
  return wanted.unique ? 'UNIQUE ' : '';
}

/** What PostgreSQL refuses in the wanted index or in our rights: a finding. undefined: it could not be measured. */
export function refused(error: unknown, wanted: WantedIndex): Outcome | undefined {
  const code = errorCode(error);
  if (code === undefined) return undefined;
  const said = messageOf(error);
  if (code === '42501') return { there: false, measured: `not allowed: ${said}`, unblock: rightsFor(said, wanted) };
  if (code === '25006')
    return {
      there: false,
      measured: `the database is read-only: ${said}`,
      unblock: 'name the primary in the runbook, not a standby',
    };
  if (code.startsWith('23'))
    return {
      there: false,
      measured: `it cannot be built on the rows as they are: ${said}`,
      unblock: `correct the rows of ${wanted.table} that contradict the index, then check again`,
    };
  if (code === '53100')
    return { there: false, measured: said, unblock: "free space on the database's disk, then check again" };
  if (code.startsWith('42') || code.startsWith('0A') || code.startsWith('22'))
    return {
      there: false,
      measured: `PostgreSQL does not take this index: ${said}`,
      unblock: `correct columns, method or predicate of index ${wanted.name} in the runbook, or the table ${wanted.table}`,
    };
  return undefined;
}

function rightsFor(said: string, { table }: WantedIndex): string {
  if (/temporary/.test(said))
    return "GRANT TEMPORARY on the database to the check's role: the wanted index is compared on an empty copy";
  if (/owner/.test(said))
    return `let the check connect as the owner of ${table}, or as a member of that role: only an owner creates or drops an index`;
  return `GRANT SELECT ON ${table} to the check's role, and USAGE on its schema`;
}

/** All outcomes as one finding. */
export function toFinding(outcomes: readonly (readonly [WantedIndex, Outcome])[], database: string): Finding {
  const evidence: EvidenceLine[] = outcomes.map(([wanted, { measured }]) => ({
    what: describe(wanted),
    measured,
    required: 'there and valid',
    source: `database ${database}`,
  }));
  const lacking = outcomes.filter(([, { there }]) => !there);
  if (lacking.length === 0)
    return {
      passed: true,
      summary: `${outcomes.length === 1 ? 'the index is' : `all ${outcomes.length} indexes are`} there and valid`,
      evidence,
    };
  return {
    passed: false,
    summary: lacking.map(([wanted, { measured }]) => `${describe(wanted)}: ${measured}`).join('; '),
    evidence,
    unblock: lacking.map(([, { unblock }]) => unblock ?? 'check again').join('; '),
  };
}

function describe({ table, columns, unique, where }: WantedIndex): string {
  return `${unique ? 'unique index' : 'index'} on ${table} (${columns.join(', ')})${where === undefined ? '' : ` where ${where}`}`;
}

import type pg from 'pg';
import type { EvidenceLine } from '../../domain/index.ts';
import { errorCode } from '../../util/index.ts';
import { grantFor, roleOf } from '../postgres/grants.ts';
import { identifier, messageOf } from '../postgres/session.ts';
import { definition, type ExistingIndex, type Table, type WantedIndex } from './catalog.ts';

/** How one wanted index stands. */
export type Outcome = There | Lacking;

interface There {
  readonly there: true;
  readonly index: ExistingIndex;
  /** How many were built for it just now; a partitioned index has one for each partition. */
  readonly built: number;
  readonly measured: string;
}

/** What there is instead of what is wanted, and what would change that. */
export interface Lacking {
  readonly there: false;
  readonly measured: string;
  readonly unblock: string;
}

/** One index or one query of the runbook, as the finding shows it. */
export interface Item {
  readonly what: string;
  readonly evidence: readonly EvidenceLine[];
  readonly lacking?: Lacking;
}

const TABLE_KINDS = ['r', 'm', 'p'];
const PRIMARY = 'name the primary in the runbook, not a standby';

/** The table, if it is one: a table, a materialised view or a partitioned table. */
export function tableOrProblem(table: Table | undefined, name: string): Table | Lacking {
  if (table === undefined)
    return {
      there: false,
      measured: `there is no table ${name}`,
      unblock: `create ${name}, or correct its name in the runbook (schema.table; upper and lower case count)`,
    };
  if (!TABLE_KINDS.includes(table.kind))
    return {
      there: false,
      measured: `${name} is no table`,
      unblock: `name a table in the runbook instead of ${name}`,
    };
  return table;
}

/** The table, if its indexes can be compared: wanted and existing ones are compared on an empty copy. */
export function indexableOrProblem(found: Table | undefined, { table: name }: WantedIndex): Table | Lacking {
  const table = tableOrProblem(found, name);
  if ('there' in table || !table.standby) return table;
  return {
    there: false,
    measured: 'the database is a standby, where nothing can be compared or built',
    unblock: PRIMARY,
  };
}

/** It is not there, or only `invalid`, by its name. Says how to create it by hand. */
export function missing(
  wanted: WantedIndex,
  { table, invalid }: { readonly table: Table; readonly invalid?: string | undefined },
): Lacking {
  const index = identifier(wanted.name);
  if (table.kind === 'p') {
    const create = `CREATE ${uniquely(wanted)}INDEX ${index} ${definition(wanted, `ONLY ${wanted.table}`)};`;
    const attach = `CREATE INDEX CONCURRENTLY on each partition, and ALTER INDEX ${index} ATTACH PARTITION for each of them`;
    return {
      there: false,
      measured: invalid !== undefined ? 'there, but invalid: not every partition has its part of it' : 'missing',
      unblock: `run the remedy { create: concurrently }, or by hand: ${invalid !== undefined ? '' : `${create} then `}${attach}`,
    };
  }
  const create = `CREATE ${uniquely(wanted)}INDEX CONCURRENTLY ${index} ${definition(wanted, wanted.table)};`;
  if (invalid === undefined) return { there: false, measured: 'missing', unblock: `create it: ${create}` };
  return {
    there: false,
    measured: `there, but invalid: a build of it was interrupted (${invalid})`,
    unblock: `drop the invalid index, which every write has to maintain, and create it again: ${dropOf(table, invalid)} ${create}`,
  };
}

/** The statement that drops an index of a table without locking anybody out. */
export function dropOf({ schema }: Table, index: string): string {
  return `DROP INDEX CONCURRENTLY IF EXISTS ${identifier(schema)}.${identifier(index)};`;
}

export function uniquely(wanted: WantedIndex): string {
  return wanted.unique ? 'UNIQUE ' : '';
}

export function nameTaken({ name, table }: WantedIndex, bearer: string): Lacking {
  return {
    there: false,
    measured: `missing on ${table}, and the name ${name} is taken by something else: ${bearer}`,
    unblock: 'give the wanted index another name in the runbook, or rename or drop what has it now',
  };
}

export function foreignPartition({ table }: WantedIndex, partition: Table): Lacking {
  return {
    there: false,
    measured: `the partition ${partition.qualified} of ${table} is a foreign table, which cannot have a part of the index`,
    unblock: `name the other partitions of ${table} in the runbook instead, each with its index`,
  };
}

export function invalidPart(index: string, partition: Table): Lacking {
  return {
    there: false,
    measured: `the index ${index} of the partition ${partition.qualified} is invalid`,
    unblock: `build it again: REINDEX INDEX CONCURRENTLY ${identifier(partition.schema)}.${identifier(index)};`,
  };
}

/** What PostgreSQL refuses in the wanted index or in our rights. undefined: it could not be measured. */
export function refused(error: unknown, wanted: WantedIndex, client: pg.Client): Lacking | undefined {
  const code = errorCode(error);
  if (code === undefined) return undefined;
  const said = messageOf(error);
  const lacking = (measured: string, unblock: string): Lacking => ({ there: false, measured, unblock });
  if (code === '42501') return lacking(`not allowed: ${said}`, rightsFor(said, wanted, client));
  if (code === '25006') return lacking(`the database is read-only: ${said}`, PRIMARY);
  if (code.startsWith('23'))
    return lacking(
      `it cannot be built on the rows as they are: ${said}`,
      `correct the rows of ${wanted.table} that contradict the index, then check again`,
    );
  if (code === '53100') return lacking(said, "free space on the database's disk, then check again");
  if (code.startsWith('42') || code.startsWith('0A') || code.startsWith('22'))
    return lacking(
      `PostgreSQL does not take this index: ${said}`,
      `correct columns, method or predicate of index ${wanted.name} in the runbook, or the table ${wanted.table}`,
    );
  return undefined;
}

function rightsFor(said: string, { table }: WantedIndex, client: pg.Client): string {
  const grant = grantFor(said, client);

  if (grant?.includes('TEMPORARY')) return `${grant} (the wanted index is compared on an empty copy)`;
  if (/owner/.test(said))
    return `GRANT the owner of ${table} to ${roleOf(client)}, or let the check connect as the owner: only an owner creates or drops an index`;
  return grant ?? `GRANT SELECT ON ${table} TO ${roleOf(client)};`;
}

export function describe({ table, columns, unique, where }: WantedIndex): string {
  return `${unique ? 'unique index' : 'index'} on ${table} (${columns.join(', ')})${where === undefined ? '' : ` where ${where}`}`;
}

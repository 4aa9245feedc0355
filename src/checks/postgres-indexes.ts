import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { errorCode } from '../platforms/error-code.ts';
import type { CheckOfKind } from '../runbook/schema.ts';
import type { Check, CheckContext } from './check.ts';
import { runLong } from './index-build.ts';
import {
  bearerOf,
  buildUnderWay,
  definition,
  findTable,
  matchingIndexes,
  type Table,
  type WantedIndex,
} from './index-catalog.ts';
import { missing, type Outcome, refused, tableProblem, toFinding, uniquely } from './index-findings.ts';
import { identifier, messageOf, type Session, withSession } from './postgres.ts';

type Config = CheckOfKind<'postgres-indexes'>;

const STATEMENT_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 1_000;
/** A name that somebody took in the very moment is looked at again; more often than this it is no coincidence. */
const MOST_ATTEMPTS = 3;

interface Work {
  readonly client: pg.Client;
  readonly session: Session;
  readonly attendance: CheckContext['attendance'];
  readonly create: boolean;
}

/**
 * Every wanted index exists and is valid: the guide's second pitfall. Compared by what an index is, not by its name.
 * If the runbook says so, a missing one is built without locking anybody out.
 */
export function postgresIndexes(config: Config): Check {
  return async (context) => {
    const { attendance } = context;
    const session: Session = {
      database: config.database,
      url: context.databaseUrl(config.database),
      access: 'read-write',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      signal: attendance.signal,
    };
    return withSession(session, async (client) => {
      const outcomes: [WantedIndex, Outcome][] = [];
      for (const wanted of config.indexes) {
        attendance.heartbeat({ index: wanted.name, doing: 'looking for it' });
        const work = { client, session, attendance, create: config.create === 'concurrently' };
        outcomes.push([wanted, await settle(work, wanted)]);
      }
      return toFinding(outcomes, config.database);
    });
  };
}

async function settle(work: Work, wanted: WantedIndex): Promise<Outcome> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ensure(work, wanted);
    } catch (error) {
      const code = errorCode(error);
      if (code === '42P07' && attempt < MOST_ATTEMPTS) continue;
      const outcome = refused(error, wanted);
      if (outcome === undefined) throw readable(error, work.session.database);
      return outcome;
    }
  }
}

async function ensure(work: Work, wanted: WantedIndex): Promise<Outcome> {
  const { client } = work;
  const table = await findTable(client, wanted.table);
  const unusable = tableProblem(table, wanted);
  if (table === undefined || unusable) return unusable ?? { there: false, measured: 'no such table' };

  let existing = await matchingIndexes(client, table, wanted);
  const found = existing.find(({ usable }) => usable);
  if (found) return { there: true, measured: `${found.name}, valid` };

  const waitedFor = await otherBuild(work, table, existing.length > 0);
  if (waitedFor && !work.create)
    return {
      there: false,
      measured: `being built now (${waitedFor})`,
      unblock: `wait until the index on ${wanted.table} is built, then check again`,
    };
  if (waitedFor) existing = await matchingIndexes(client, table, wanted);
  const built = existing.find(({ usable }) => usable);
  if (built) return { there: true, measured: `${built.name}, valid; another session was building it` };

  if (!work.create) return missing(wanted, existing.length > 0);
  return build(work, wanted, { table, leftover: existing.some(({ name }) => name === wanted.name) });
}

/** What another session is building on the table, if anything. Where we would build, it is waited for, not doubled. */
async function otherBuild(work: Work, table: Table, invalidThere: boolean): Promise<string | undefined> {
  const first = await buildUnderWay(work.client, table, { invalidThere });
  let now = first;
  while (now !== undefined && work.create) {
    work.attendance.heartbeat({ phase: 'another session is building an index on this table', waitsFor: [now] });
    await sleep(LOOK_EVERY_MS, undefined, { signal: work.attendance.signal });
    now = await buildUnderWay(work.client, table, { invalidThere });
  }
  return first;
}

async function build(
  work: Work,
  wanted: WantedIndex,
  { table, leftover }: { readonly table: Table; readonly leftover: boolean },
): Promise<Outcome> {
  const { client } = work;
  const index = wanted.name;
  const bearer = await bearerOf(client, table, index);
  if (bearer !== undefined && !leftover)
    return {
      there: false,
      measured: `missing, and the name ${index} is taken by something else: ${bearer}`,
      unblock: `give the wanted index another name in the runbook, or rename or drop what bears it now`,
    };
  if (leftover)
    await runLong(client, `DROP INDEX CONCURRENTLY ${identifier(table.schema)}.${identifier(index)}`, {
      ...work,
      index,
    });

  const statement = `CREATE ${uniquely(wanted)}INDEX CONCURRENTLY ${identifier(index)} ${definition(wanted, table.qualified)}`;
  const tookMs = await runLong(client, statement, { ...work, index });
  const existing = await matchingIndexes(client, table, wanted);
  const there = existing.some(({ name, usable }) => name === index && usable);
  const seconds = (tookMs / 1_000).toFixed(1);
  if (!there)
    return { there, measured: `built in ${seconds} s, but not found valid after that`, unblock: 'check again' };
  const before = leftover ? ' after the invalid rest of an interrupted build was dropped' : '';
  return { there, measured: `${index}, valid; created concurrently in ${seconds} s${before}` };
}

/** The driver's own errors carry more than a history should hold. */
function readable(error: unknown, database: string): unknown {
  const code = errorCode(error);
  return code === undefined ? error : new Error(`database ${database}: ${messageOf(error)} (${code})`);
}

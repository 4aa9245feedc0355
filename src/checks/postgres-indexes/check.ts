import { type Check, type CheckContext, checkKind, type Finding, type Remedy } from '../../plugin/index.ts';
import { TookTooLong } from '../../util/index.ts';
import { addressOf, type Session, withSession } from '../postgres/session.ts';
import type { WantedIndex } from './catalog.ts';
import { createIndex } from './create.ts';
import { lookFor, orRefusal } from './find-index.ts';
import { describe, type Item, type Outcome } from './findings.ts';
import { planQuery } from './queries/check.ts';
import { type Config, schema } from './schema.ts';

export const postgresIndexes = checkKind({
  kind: 'postgres-indexes',
  summary: 'The required indexes exist, and queries use indexes.',
  schema,
  secretKeys: ['sql', 'parameters'],
  again: true,
  databases: ({ database }) => [{ path: ['database'], database }],
  create,
  remedy: (config) => (config.remedy && 'create' in config.remedy ? buildIndexes(config) : undefined),
});

const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Every wanted index exists and is valid, and the new queries are planned with one: the guide's second pitfall. An index
 * is compared by what it is, not by its name. Builds nothing; that is the remedy's.
 */
function create(config: Config): Check {
  return (context) =>
    withSession(session(config, context, 'read-only'), async (client) => {
      const { database } = config;
      const items: Item[] = [];
      for (const wanted of config.indexes) {
        context.run.heartbeat({ doing: `looking for the index ${wanted.name}` });
        const outcome = await orRefusal(wanted, { database, client, settle: () => lookFor(client, wanted) });
        items.push(indexItem(wanted, outcome, database));
      }
      for (const query of config.queries) {
        context.run.heartbeat({ doing: `planning the query ${query.name}` });
        items.push(await planQuery(client, query, database));
      }
      return toFinding(items, satisfied(config));
    });
}

/**
 * Builds the wanted indexes that are missing, without locking anybody out. Says what was built, and what stands in the way:
 * also when its time is over, with what it has left.
 */
function buildIndexes(config: Config): Remedy {
  return async (context) => {
    const { run } = context;
    const { database } = config;
    const ours = session(config, context, 'read-write');
    const items: Item[] = [];
    const left: string[] = [];
    try {
      const { passed, summary, unblock } = await withSession(ours, async (client) => {
        const work = { client, session: ours, run, left };
        for (const wanted of config.indexes) {
          run.heartbeat({ doing: `looking for the index ${wanted.name}` });
          const outcome = await orRefusal(wanted, { database, client, settle: () => createIndex(work, wanted) });
          items.push(indexItem(wanted, outcome, database));
        }
        return { ...toFinding(items, ''), summary: toSummary(items) };
      });
      return { done: passed, summary: unblock === undefined ? summary : `${summary}; to do: ${unblock}` };
    } catch (error) {
      const { reason } = run.signal;
      if (!(reason instanceof TookTooLong)) throw error;
      return { done: false, summary: [...items.map(toLine), reason.message, ...left].join('; ') };
    }
  };
}

function toSummary(items: readonly Item[]): string {
  return items.map(toLine).join('; ') || 'the runbook names no index: there is nothing to build';
}

function toLine({ evidence }: Item): string {
  return evidence.map(({ what, measured }) => `${what}: ${measured}`).join('; ');
}

function session(config: Config, context: CheckContext, access: Session['access']): Session {
  return {
    ...addressOf(context, config.database),
    access,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    signal: context.run.signal,
  };
}

function indexItem(wanted: WantedIndex, outcome: Outcome, database: string): Item {
  const what = describe(wanted);
  const line = { what, measured: outcome.measured, required: 'there and valid', source: `database ${database}` };
  return { what, evidence: [line], ...(outcome.there ? {} : { lacking: outcome }) };
}

function satisfied({ indexes, queries }: Config): string {
  const parts: string[] = [];
  if (indexes.length > 0)
    parts.push(`${indexes.length === 1 ? 'the index is' : `all ${indexes.length} indexes are`} there and valid`);
  if (queries.length > 0)
    parts.push(`${queries.length === 1 ? 'the query is' : `all ${queries.length} queries are`} planned as required`);
  return parts.join(', and ');
}

function toFinding(items: readonly Item[], whenAllIsThere: string): Finding {
  const evidence = items.flatMap((item) => item.evidence);
  const open = items.flatMap(({ what, lacking }) => (lacking ? [{ what, ...lacking }] : []));
  if (open.length === 0) return { passed: true, summary: whenAllIsThere, evidence };
  return {
    passed: false,
    summary: open.map(({ what, measured }) => `${what}: ${measured}`).join('; '),
    evidence,
    unblock: open.map(({ unblock }) => unblock).join('; '),
  };
}

import { createHash } from 'node:crypto';
import { identifier } from '../postgres/session.ts';
import { type AcceptsIndex, buildConcurrently, seconds } from './build.ts';
import {
  definition,
  type ExistingIndex,
  findTable,
  matchingIndexes,
  partitionsOf,
  partOf,
  relationWithName,
  type Table,
  type WantedIndex,
} from './catalog.ts';
import {
  foreignPartition,
  indexableOrProblem,
  invalidPart,
  type Lacking,
  missing,
  nameTaken,
  type Outcome,
  uniquely,
} from './findings.ts';
import { runBriefly, type Work } from './statement.ts';

const LONGEST_NAME_BYTES = 63;

const anyValid: AcceptsIndex = ({ usable }) => usable;
const canBePart: AcceptsIndex = ({ usable, exact, attached }) => usable && exact && !attached;

/** A table, and which of its indexes will do. */
interface Place {
  readonly table: Table;
  readonly fits: AcceptsIndex;
}

/** Sees to it that the wanted index is there and valid, without locking anybody out. May be run again at any time. */
export async function createIndex(work: Work, wanted: WantedIndex): Promise<Outcome> {
  const table = indexableOrProblem(await findTable(work.client, wanted.table), wanted);
  return 'there' in table ? table : createOn(work, wanted, { table, fits: anyValid });
}

function createOn(work: Work, wanted: WantedIndex, place: Place): Promise<Outcome> {
  return place.table.kind === 'p' ? createPartitioned(work, wanted, place) : buildConcurrently(work, wanted, place);
}

/**
 * PostgreSQL builds no index concurrently on a partitioned table. So: one on the parent alone, which is empty, invalid
 * and made in a moment; one for each partition, concurrently; each attached. With the last one the parent's is valid.
 * Interrupted anywhere, the next run finds what is done and goes on from there.
 */
async function createPartitioned(work: Work, wanted: WantedIndex, { table, fits }: Place): Promise<Outcome> {
  const startedAt = performance.now();
  const found = (await matchingIndexes(work.client, table, wanted)).find(fits);
  if (found) return { there: true, index: found, built: 0, measured: `${found.name} was there already` };
  const foreign = (await partitionsOf(work.client, table)).find(({ kind }) => kind === 'f');
  if (foreign) return foreignPartition(wanted, foreign);
  const parent = await parentIndex(work, wanted, table);
  if ('there' in parent) return parent;
  const built = await completeParts(work, wanted, { table, index: parent });
  if (typeof built === 'object') return built;

  const made = (await matchingIndexes(work.client, table, wanted)).find(fits);
  if (!made) return missing(wanted, { table, invalid: parent.name }); // a partition came meanwhile: the next run has it
  const measured = `${made.name} built concurrently on ${built} partitions in ${seconds(performance.now() - startedAt)}`;
  return { there: true, index: made, built, measured };
}

/** The index of the partitioned table itself: the one that an interrupted run left unfinished, or a new one. */
async function parentIndex(work: Work, wanted: WantedIndex, table: Table): Promise<ExistingIndex | Lacking> {
  const { client } = work;
  const unfinished = (await matchingIndexes(client, table, wanted)).find(
    ({ usable, exact, attached }) => !usable && exact && !attached,
  );
  if (unfinished) return unfinished;
  const bearer = await relationWithName(client, table, wanted.name);
  if (bearer !== undefined) return nameTaken(wanted, bearer);
  const text = `CREATE ${uniquely(wanted)}INDEX ${identifier(wanted.name)} ${definition(wanted, `ONLY ${table.qualified}`)}`;
  await runBriefly(work, { text, doing: `creating the index ${wanted.name} on the partitioned table alone` });
  const made = (await matchingIndexes(client, table, wanted)).find(({ name }) => name === wanted.name);
  return made ?? missing(wanted, { table });
}

/** Gives each partition its part of the index. Returns how many were built, or what stands in the way. */
async function completeParts(
  work: Work,
  wanted: WantedIndex,
  { table, index }: { readonly table: Table; readonly index: ExistingIndex },
): Promise<number | Lacking> {
  let built = 0;
  for (const partition of await partitionsOf(work.client, table)) {
    const part = { ...wanted, table: `${partition.schema}.${partition.name}`, name: partName(wanted.name, partition) };
    const has = await partOf(work.client, index, partition);
    if (has?.usable) continue;
    if (has && partition.kind !== 'p') return invalidPart(has.name, partition);
    if (has) {
      const inside = await completeParts(work, part, { table: partition, index: has });
      if (typeof inside === 'object') return inside;
      built += inside;
      continue;
    }
    const outcome = await createOn(work, part, { table: partition, fits: canBePart });
    if (!outcome.there) return outcome;
    built += outcome.built;
    const text = `ALTER INDEX ${quoted(table.schema, index.name)} ATTACH PARTITION ${quoted(partition.schema, outcome.index.name)}`;
    await runBriefly(work, { text, doing: `attaching the index ${part.name}` });
  }
  return built;
}

/** The same in every run, by which the next one knows an interrupted build; PostgreSQL would cut a longer one. */
function partName(indexName: string, partition: Table): string {
  const full = `${indexName}_${partition.name}`;
  if (Buffer.byteLength(full) <= LONGEST_NAME_BYTES) return full;
  const mark = createHash('sha256').update(full).digest('hex').slice(0, 8);
  const characters = Array.from(full);
  while (Buffer.byteLength(`${characters.join('')}_${mark}`) > LONGEST_NAME_BYTES) characters.pop();
  return `${characters.join('')}_${mark}`;
}

function quoted(schema: string, name: string): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

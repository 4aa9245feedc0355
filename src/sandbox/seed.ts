import type { ClientBase } from 'pg';

/**
 * The tables and what is in them. Sizes and queries were tried (about 0.3 ms with the index, 350 ms without): a missing
 * index has to hurt on a fast machine too.
 */
const TABLES = [
  'DROP TABLE IF EXISTS seeded, items, recommendations, interactions',
  'CREATE TABLE items (id int PRIMARY KEY, category int NOT NULL, title text NOT NULL, price numeric(8,2) NOT NULL)',
  `INSERT INTO items SELECT g, g%200, 'Item '||g, 5+(g*7919)%20000/100.0 FROM generate_series(1,20000) g`,
  'CREATE TABLE recommendations (user_id int, item_id int, score real NOT NULL, PRIMARY KEY (user_id,item_id))',
  `INSERT INTO recommendations
     SELECT u, 1+(u*31+k*997)%20000, 1.0/k FROM generate_series(1,20000) u, generate_series(1,10) k`,
  `CREATE TABLE interactions (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL,
     item_id int NOT NULL, weight real NOT NULL, created_at timestamptz NOT NULL)`,
];
const INTERACTIONS = `INSERT INTO interactions (user_id,item_id,weight,created_at)
  SELECT 1+(random()*19999)::int, 1+(random()*19999)::int, random(), now()-(g%2592000)*interval '1 s'
  FROM generate_series(1,$1::int) g`;

/** Users with recommendations: 1 to this. */
export const USERS = 20_000;

/** Fills the database; one that is already filled with as many rows is left alone. */
export async function seed(client: ClientBase, rows: number): Promise<void> {
  if ((await seededRows(client)) === rows) return;
  for (const statement of TABLES) await client.query(statement);
  await client.query(INTERACTIONS, [rows]);
  await client.query('VACUUM ANALYZE');
  // Last, so that a seeding that was interrupted is done again.
  await client.query('CREATE TABLE seeded (rows int NOT NULL)');
  await client.query('INSERT INTO seeded VALUES ($1)', [rows]);
}

async function seededRows(client: ClientBase): Promise<number | undefined> {
  const { rows: found } = await client.query<{ exists: boolean }>(`SELECT to_regclass('seeded') IS NOT NULL AS exists`);
  if (found[0]?.exists !== true) return undefined;
  const { rows } = await client.query<{ rows: number }>('SELECT rows FROM seeded');
  return rows[0]?.rows;
}

/** The index that 2.5.0 needs. */
export async function createIndex(client: ClientBase): Promise<void> {
  if ((await indexNames(client)).length > 0) return;
  await client.query('CREATE INDEX CONCURRENTLY interactions_item_created ON interactions (item_id, created_at DESC)');
}

/** @returns how many were dropped: whatever their name, it is what they index that helps 2.5.0. */
export async function dropIndex(client: ClientBase): Promise<number> {
  const names = await indexNames(client);
  for (const name of names) await client.query(`DROP INDEX IF EXISTS ${name}`);
  return names.length;
}

async function indexNames(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT i.indexrelid::regclass::text AS name FROM pg_index i
    WHERE i.indrelid = 'interactions'::regclass
      AND (SELECT array_agg(a.attname::text ORDER BY k.n)
           FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE k.n <= 2) = ARRAY['item_id','created_at']`);
  return rows.map(({ name }) => name);
}

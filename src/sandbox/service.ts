/** The versions of the recommendation service, and the configuration of a version's process. */

const OLD_QUERY = `
  SELECT i.id, i.title, r.score FROM recommendations r JOIN items i ON i.id = r.item_id
  WHERE r.user_id = $1 ORDER BY r.score DESC LIMIT 10`;

/** Weighs each item by how it was liked lately: fast with an index on interactions (item_id, created_at DESC). */
const NEW_QUERY = `
  SELECT i.id, i.title, r.score * t.trend AS score
  FROM (SELECT item_id, score FROM recommendations WHERE user_id = $1 ORDER BY score DESC LIMIT 10) r
  JOIN items i ON i.id = r.item_id
  CROSS JOIN LATERAL (
    SELECT coalesce(avg(n.weight), 0) AS trend
    FROM (SELECT weight FROM interactions WHERE item_id = r.item_id ORDER BY created_at DESC LIMIT 20) n) t
  ORDER BY score DESC`;

export const SERVICE = 'recommendation';
export const FIRST_VERSION = '2.4.0';
/** What was built and could be deployed. */
export const QUERIES: ReadonlyMap<string, string> = new Map([
  [FIRST_VERSION, OLD_QUERY],
  ['2.5.0', NEW_QUERY],
  ['2.5.1', NEW_QUERY],
]);

export interface ServiceConfig {
  readonly version: string;
  readonly databaseUrl: string;
}

/** What is wrong with a version; nothing by default. */
export interface ServiceFault {
  /** Share of requests that end in a 500. */
  readonly failingShare?: number;
  /** Share of requests that open a database connection and never close it. */
  readonly leakingShare?: number;
}

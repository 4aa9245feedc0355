import { type Child, startChild } from './children.ts';

/** What the database process is told. */
export interface DatabaseConfig {
  readonly directory: string;
  /** The folder is removed at the end. */
  readonly temporary: boolean;
  readonly port: number;
  readonly rows: number;
  readonly maxConnections: number;
  readonly withIndex: boolean;
}

/** Long enough for an orderly end of PostgreSQL and all stronger ones after it (`postmaster.ts`). */
const GRACE_MS = 15_000;

/** Starts PostgreSQL and fills it. Ends, with PostgreSQL, when this process ends, however that happens. */
export function startDatabase(config: DatabaseConfig): Promise<Child<never>> {
  return startChild({
    program: 'database-process.ts',
    name: 'database',
    config,
    directory: config.directory,
    graceMs: GRACE_MS,
  });
}

/** Each role's password is its name: the server listens on this machine's loopback only and holds made-up data. */
export function urlOf(
  port: number,
  role: 'postgres' | 'recommendation' | 'bluegreen',
  database: 'postgres' | 'recommendation' = 'recommendation',
): string {
  return `postgres://${role}:${role}@127.0.0.1:${port}/${database}`;
}

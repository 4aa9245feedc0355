import { chmod, mkdir } from 'node:fs/promises';
import { type Child, startChild } from './children.ts';

/** The configuration of the database process. */
export interface DatabaseConfig {
  readonly directory: string;
  /** The folder is removed at the end. */
  readonly temporary: boolean;
  readonly port: number;
  readonly rows: number;
  readonly maxConnections: number;
  readonly withIndex: boolean;
}

/** The guide's pitfalls: enough connections for one version only, and an index that is missing. */
export const AS_FOUND = { maxConnections: 16, withIndex: false } as const;
export const MIGRATED = { maxConnections: 40, withIndex: true } as const;

/** Sets it and restarts PostgreSQL, which cuts every connection. */
export interface DatabaseOrder {
  readonly maxConnections: number;
}

/** Long enough for an orderly end of PostgreSQL and all stronger ones after it (`postmaster.ts`). */
const GRACE_MS = 15_000;

/** Starts PostgreSQL and fills it. Ends, with PostgreSQL, when this process ends, however that happens. */
export function startDatabase(config: DatabaseConfig): Promise<Child<DatabaseOrder>> {
  return startChild({
    program: 'database-process',
    name: 'database',
    config,
    directory: config.directory,
    graceMs: GRACE_MS,
  });
}

type DatabaseRole = 'postgres' | 'recommendation' | 'bluegreen';

/** Anybody may know it: the server listens on this machine's loopback only and holds made-up data. */
export function passwordOf(role: DatabaseRole): string {
  return `${role}-password`;
}

export function urlOf(
  port: number,
  role: DatabaseRole,
  database: 'postgres' | 'recommendation' = 'recommendation',
): string {
  return `postgres://${role}:${passwordOf(role)}@127.0.0.1:${port}/${database}`;
}

/** As root, PostgreSQL runs as another user, who has to get into our folder. */
export async function allowPassage(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  if (process.getuid?.() === 0) await chmod(directory, 0o755);
}

import { withSession } from '../../../src/checks/postgres/session.ts';
import type { DatabaseAddress } from '../../../src/postgres/open.ts';

export interface Reached {
  readonly encrypted: boolean;
  readonly port: number | null;
  readonly user: string;
  readonly database: string;
}

/** Connects as a check does, and says where it got. */
export async function reach(address: Omit<DatabaseAddress, 'database'>): Promise<Reached> {
  const { signal } = new AbortController();
  const session = { ...address, database: 'main', access: 'read-only', statementTimeoutMs: 10_000, signal } as const;
  let reached: Reached | undefined;
  const finding = await withSession(session, async (client) => {
    const { rows } = await client.query<Reached>(
      `SELECT ssl AS encrypted, inet_server_port() AS port, current_user AS user, current_database() AS database
       FROM pg_stat_ssl WHERE pid = pg_backend_pid()`,
    );
    [reached] = rows;
    return { passed: true, summary: '', evidence: [] };
  });
  if (!reached) throw new Error(finding.summary);
  return reached;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { EvidenceLine } from '../../domain/index.ts';
import { apartMs, type CheckContext, type Finding } from '../../plugin/index.ts';
import type { Connections } from '../postgres/connections.ts';
import { roleText } from '../postgres/roles.ts';
import type { Config } from './schema.ts';

/** Fewer tell nothing: PostgreSQL adds a session's times up to a second late. */
const FEWEST_REQUESTS = 50;
const BEAT_MS = 1_000;
const WHAT = 'a request holds a connection for';

/** How long a request holds a connection, on average. */
export interface ConnectionHoldTime {
  readonly ms: number;
  readonly line: EvidenceLine;
}

/** As the runbook says, or measured; a finding if there is nothing to measure it by. */
export async function connectionHoldTime(
  config: Config,
  context: CheckContext,
  { client, found }: { readonly client: pg.Client; readonly found: Connections },
): Promise<ConnectionHoldTime | Finding> {
  if (config.hold !== undefined)
    return { ms: config.hold, line: { what: WHAT, measured: `${config.hold} ms`, source: 'runbook' } };
  const source = `database ${config.database}`;
  const role = roleText(config.role);
  const others = found.othersInDatabase === 0 ? '' : ` (others in the database: ${found.whoOthersAre})`;
  if (found.ofRoleInDatabase === 0)
    return unmeasured(`nobody is connected as ${role}, so there is nothing to measure a request's hold by`, {
      line: { what: `sessions of ${role}`, measured: `0${others}`, required: 'at least 1', source },
      unblock:
        'name the database that the service really uses, and its login, the group of its logins or a pattern for them in "role", or give "hold" in the runbook',
    });
  if (!(await timesAreKept(client, found)))
    return unmeasured('PostgreSQL keeps no times of sessions: track_activities is off', {
      line: { what: 'track_activities', measured: 'off', required: 'on', source },
      unblock: `set track_activities = on (for role ${role}, too, if it has a setting of its own), or give "hold" in the runbook`,
    });

  const { busyMs, requests, tookMs } = await measure(config, context, client);
  const line = {
    what: WHAT,
    measured: `${busyMs.toFixed(0)} ms of connections in use, ${requests} requests, in ${(tookMs / 1_000).toFixed(1)} s`,
    source: `${source} and the metrics`,
  };
  if (requests < FEWEST_REQUESTS)
    return unmeasured(`only ${requests} requests in ${(tookMs / 1_000).toFixed(1)} s: too few to measure by`, {
      line: { ...line, required: `at least ${FEWEST_REQUESTS} requests` },
      unblock:
        'give "hold" in the runbook, from a load test; or check again under more traffic, or with a longer measureFor',
    });
  if (busyMs <= 0)
    return unmeasured(`${requests} requests, and PostgreSQL counted no time for them`, {
      line: { ...line, required: 'connections in use' },
      unblock: 'check again with a longer measureFor, or give "hold" in the runbook',
    });
  const ms = busyMs / requests;
  const whoElse =
    found.othersInDatabase === 0
      ? 'nobody else was connected'
      : `sessions of others, whose time is in it: ${found.othersInDatabase}`;
  return { ms, line: { ...line, measured: `${ms.toFixed(2)} ms: ${line.measured}; ${whoElse}` } };
}

/** Without it the times stand still, and every request would seem to need no connection at all. */
async function timesAreKept(client: pg.Client, { logins }: Connections): Promise<boolean> {
  const { rows } = await client.query<{ kept: boolean }>(
    `SELECT current_setting('track_activities')::bool AND NOT EXISTS (
       SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) setting
       WHERE r.rolname = ANY ($1::text[])
         AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
         AND CASE WHEN starts_with(setting, 'track_activities=') THEN NOT split_part(setting, '=', 2)::bool END
     ) AS kept`,
    [logins.map(({ name }) => name)],
  );
  return rows[0]?.kept ?? false;
}

interface Measured {
  readonly busyMs: number;
  /** Of all versions: each of them uses connections. */
  readonly requests: number;
  readonly tookMs: number;
}

async function measure({ measureFor }: Config, context: CheckContext, client: pg.Client): Promise<Measured> {
  const { metrics, run } = context;
  const { signal } = run;
  const forMs = Math.max(measureFor, apartMs(metrics));
  const before = { busy: await readBusy(client), reading: await metrics.read(null, signal), at: performance.now() };
  for (let left = forMs; left > 0; left = before.at + forMs - performance.now()) {
    run.heartbeat({ doing: 'measuring how long connections are in use', secondsLeft: Math.ceil(left / 1_000) });
    await sleep(Math.min(left, BEAT_MS), undefined, { signal });
  }
  const after = {
    busy: await readBusy(client),
    reading: await metrics.read(before.reading.cursor, signal),
    at: performance.now(),
  };
  if (before.busy.since !== after.busy.since)
    throw new Error('the statistics of the database were reset while they were read; check again');
  const { intervals } = after.reading;
  const counted = intervals
    .flatMap(({ counts }) => Object.values(counts))
    .reduce((sum, { requests }) => sum + requests, 0);
  const countedMs = intervals.reduce((sum, { from, to }) => sum + to - from, 0);
  const tookMs = after.at - before.at;
  return {
    busyMs: after.busy.ms - before.busy.ms,
    // What somebody else collects is counted over other seconds than the connections.
    requests: countedMs > 0 ? Math.round(counted * (tookMs / countedMs)) : 0,
    tookMs,
  };
}

/** A connection is taken as well while its transaction waits for the service. Between transactions it cannot be seen. */
async function readBusy(client: pg.Client): Promise<{ ms: number; since: string }> {
  const { rows } = await client.query<{ ms: number; since: string }>(
    `SELECT active_time + idle_in_transaction_time AS ms, coalesce(stats_reset::text, 'never') AS since
     FROM pg_stat_database WHERE datname = current_database()`,
  );
  const [row] = rows;
  if (!row) throw new Error('PostgreSQL keeps no statistics of the database that the check is connected to');
  return row;
}

function unmeasured(
  summary: string,
  { line, unblock }: { readonly line: EvidenceLine; readonly unblock: string },
): Finding {
  return { passed: false, summary, evidence: [line], unblock };
}

import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { type Fit, fitOf, unaccountedConnections, versionPools } from '../postgres/connection-budget.ts';
import { explainMismatch, runbookHints, withConnections } from '../postgres/connection-findings.ts';
import { measureConnections } from '../postgres/connections.ts';
import { measurePooler } from '../postgres/pooler.ts';
import { databasesOf } from '../postgres/schema.ts';
import { addressOf } from '../postgres/session.ts';
import { type Config, schema } from './schema.ts';

export const postgresMaxConnections = checkKind({
  kind: 'postgres-max-connections',
  summary: 'The connection pools of both versions fit into the server at the same time.',
  schema,
  again: true,
  databases: (config) => databasesOf(config),
  create,
});

/**
 * Blue's and green's pools, or those of the pooler that they share, fit into the server at the same time, next to everybody
 * else: the guide's first pitfall. Compared with the tightest of max_connections, the database's limit and the logins'.
 */
function create(config: Config): Check {
  return (context) => {
    const { database, role } = config;
    const { signal, heartbeat } = context.run;
    heartbeat({ doing: 'counting connections' });
    return withConnections({ ...addressOf(context, database), signal }, async (client) => {
      const found = await measureConnections(client, role);
      const mismatch = explainMismatch(found, config);
      if (mismatch) return mismatch;
      const versions = versionPools(config, context);
      const pooler = config.pooler && (await measurePooler(config.pooler, context, { found, versions }));
      if (pooler && 'passed' in pooler) return pooler;
      const pools = pooler ? [pooler.pool] : versions;
      const beyond = unaccountedConnections(pools, found);
      const { providerReserved = 0 } = config;
      const fit = fitOf({ ...config, pools, beyond, providerReserved }, found, pooler?.limits);
      return judge(
        { ...fit, lines: [...(pooler?.lines ?? []), ...fit.lines] },
        runbookHints(found, { ...config, pools }),
      );
    });
  };
}

function judge({ tightest, short, lines }: Fit, hints: readonly string[]): Finding {
  const { what, limit, required } = tightest;
  if (short.length === 0)
    return {
      passed: true,
      summary: `both versions fit: ${what} is ${limit}, ${required} are needed`,
      evidence: lines,
    };
  return {
    passed: false,
    summary: `${what} is ${limit}, ${required} are needed with both versions running`,
    evidence: lines,
    unblock: [...hints, ...short.map((each) => `${each.what}: ${each.remedy}`)].join('; '),
  };
}

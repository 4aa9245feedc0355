import { type Check, checkKind, type Finding } from '../../plugin/index.ts';
import { type Fit, fitOf, unaccountedConnections } from '../postgres/connection-budget.ts';
import { explainMismatch, measureConnections, withConnections } from '../postgres/connections.ts';
import { type Config, schema } from './schema.ts';

export const postgresMaxConnections = checkKind({
  kind: 'postgres-max-connections',
  summary: 'The connection pools of both versions fit into the server at the same time.',
  schema,
  again: true,
  databases: ({ database }) => [{ path: ['database'], database }],
  create,
});

/**
 * Blue's and green's pools fit into the server at the same time, next to everybody else: the guide's first pitfall.
 * Compared with the tightest of max_connections, the database's limit and the role's.
 */
function create(config: Config): Check {
  return (context) => {
    const { database, role } = config;
    const { signal, heartbeat } = context.run;
    heartbeat({ doing: 'counting connections' });
    return withConnections({ database, url: context.databaseUrl(database), signal }, async (client) => {
      const found = await measureConnections(client, role);
      const beyond = unaccountedConnections(config, { ofRole: found.ofRole, greenIsUp: context.greenIsUp });
      return explainMismatch(found, config) ?? judge(fitOf({ ...config, beyond }, found));
    });
  };
}

function judge({ tightest, short, lines }: Fit): Finding {
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
    unblock: short.map((each) => `${each.what}: ${each.remedy}`).join('; '),
  };
}

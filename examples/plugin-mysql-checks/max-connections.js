import { checkKind, z } from 'bluegreen/plugin';
import { fitOf, unaccounted } from './connection-budget.js';
import { measureConnections, withConnections } from './connections.js';
import { database, pools, users } from './keys.js';
import { sessionOf } from './session.js';

export const mysqlMaxConnections = checkKind({
  kind: 'mysql-max-connections',
  summary: 'The connection pools of both versions fit into the MySQL or MariaDB server at the same time.',
  schema: (base) =>
    base.extend({
      database,
      users,
      ...pools,
      headroom: z.int().min(0).default(5).describe('Connections to keep free, in addition to all that are counted.'),
    }),
  again: true,
  databases: (config) => [{ path: ['database'], database: config.database }],
  create: (config) => (context) => {
    context.run.heartbeat({ doing: 'counting connections' });
    return withConnections(sessionOf(config, context), async (ask) => {
      const found = await measureConnections(ask, config);
      if ('passed' in found) return found;
      const beyond = unaccounted(config, { ofUsers: found.ofUsers, greenIsUp: context.greenIsUp });
      return judge(fitOf({ ...config, beyond }, found));
    });
  },
});

function judge({ tightest: { what, limit, required }, short, lines }) {
  if (short.length === 0)
    return { passed: true, summary: `both versions fit: ${what} is ${limit}, ${required} are needed`, evidence: lines };
  return {
    passed: false,
    summary: `${what} is ${limit}, ${required} are needed with both versions running`,
    evidence: lines,
    unblock: short.map((each) => `${each.what}: ${each.remedy}`).join('; '),
  };
}

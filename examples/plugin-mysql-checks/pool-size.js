import { apartMs, checkKind, duration, findingOf, z } from 'bluegreen/plugin';
import { fitOf, unaccounted } from './connection-budget.js';
import { measureConnections, withConnections } from './connections.js';
import { measureHold } from './hold-time.js';
import { database, pools, users } from './keys.js';
import { sessionOf } from './session.js';

export const mysqlPoolSize = checkKind({
  kind: 'mysql-pool-size',
  summary: 'The connection pools carry the peak load and fit into the MySQL or MariaDB server.',
  schema: (base) =>
    base
      .extend({
        database,
        users,
        ...pools,
        peakRequests: z.number().positive().describe('The peak of requests per second, for the whole service.'),
        hold: duration
          .optional()
          .describe('How long a request holds a connection. By default it is measured over `measureFor`.'),
        measureFor: duration
          .prefault('10s')
          .refine((ms) => ms >= 3_000, 'expected at least 3s')
          .describe('How long to measure `hold`. Longer is more accurate.'),
        margin: z
          .number()
          .min(1)
          .default(2)
          .describe('The size of a pool, as a multiple of its average busy connections: requests come in bursts.'),
      })
      .refine(({ measureFor, timeout }) => measureFor < timeout, {
        path: ['measureFor'],
        message: "expected less than the check's timeout",
      }),
  databases: (config) => [{ path: ['database'], database: config.database }],
  create: (config) => (context) => {
    context.run.heartbeat({ doing: 'counting connections' });
    return withConnections(sessionOf(config, context), async (ask) => {
      const found = await measureConnections(ask, config);
      if ('passed' in found) return found;
      const hold =
        config.hold === undefined
          ? await measureHold(ask, { ...config, forMs: Math.max(config.measureFor, apartMs(context.metrics)) }, context)
          : { ms: config.hold, measured: `${config.hold} ms`, source: 'runbook' };
      return 'passed' in hold ? hold : judge(config, { hold, found, greenIsUp: context.greenIsUp });
    });
  },
});

/** `100 / 2 * 0.02 * 2` is a little more than 2 in binary fractions. */
const TOLERANCE = 1e-9;

/**
 * The connections that an instance's pool needs: Little's law (J. D. C. Little, A Proof for the Queuing Formula L = λW,
 * 1961) gives how many are in use on average; the margin covers bursts. At least 1.
 */
export function neededSize({ peakRequests, margin }, { instances, holdMs }) {
  return Math.max(1, Math.ceil((peakRequests / instances) * (holdMs / 1_000) * margin - TOLERANCE));
}

function judge(config, { hold, found, greenIsUp }) {
  const versions = ['blue', 'green'].map((name) => {
    const pool = config[name];
    return { name, pool, needed: neededSize(config, { instances: pool.instances, holdMs: hold.ms }) };
  });
  const size = ({ pool, needed }) => ({ ...pool, size: Math.max(pool.size, needed) });
  const beyond = unaccounted(config, { ofUsers: found.ofUsers, greenIsUp });
  const demand = { ...config, blue: size(versions[0]), green: size(versions[1]), beyond, headroom: 0 };
  const fit = fitOf(demand, found);
  const { what, limit, required } = fit.tightest;
  const problems = [
    ...versions
      .filter(({ pool, needed }) => pool.size < needed)
      .map(({ name, pool, needed }) => ({
        found: `${name}'s pool of ${pool.size} is too small, ${needed} are needed`,
        unblock: `set ${name}'s pool to ${needed} connections for each instance, in the service and in the runbook, or run more instances`,
      })),
    ...(fit.short.length > 0
      ? [
          {
            found: `both versions' pools do not fit: ${what} is ${limit}, ${required} are needed`,
            unblock: fit.short.map((each) => `${each.what}: ${each.remedy}`).join('; '),
          },
        ]
      : []),
  ];
  const evidence = [
    { what: 'peak', measured: `${config.peakRequests} requests/s`, source: 'runbook' },
    { what: 'a request holds a connection for', measured: hold.measured, source: hold.source },
    { what: 'margin', measured: `${config.margin} times the connections in use on average`, source: 'runbook' },
    ...versions.map(({ name, pool, needed }) => ({
      what: `${name}'s pool of each instance`,
      measured: String(pool.size),
      required: `at least ${needed}`,
      source: 'runbook',
    })),
    ...fit.lines,
  ];
  const needs = versions.map(
    ({ name, pool, needed }) => `${name} needs ${needed} for each instance and has ${pool.size}`,
  );
  const summary = `the pools carry ${config.peakRequests} requests/s (${needs.join(', ')}), and both versions' fit: ${what} is ${limit}, ${required} are needed`;
  return findingOf([{ evidence, problems }], summary);
}

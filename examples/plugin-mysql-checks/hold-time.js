import { setTimeout as sleep } from 'node:timers/promises';
import { matcher } from './connections.js';

const SAMPLE_EVERY_MS = 100;
/** Fewer say nothing about an average. */
const FEWEST_REQUESTS = 50;

/**
 * How long a request holds a connection on average: connections in use, sampled ten times a second, divided by the
 * requests per second that the metrics count meanwhile. A connection is in use while it runs a statement or has an open
 * transaction. Both MySQL and MariaDB show that without the performance schema, which MariaDB turns off by default.
 */
export async function measureHold(ask, { database, users, forMs }, { metrics, run }) {
  const { signal } = run;
  const isOurs = matcher(users);
  const first = await metrics.read(null, signal);
  const startedAt = performance.now();
  const samples = [];
  for (let left = forMs; left > 0; left = startedAt + forMs - performance.now()) {
    run.heartbeat({ doing: 'measuring how long connections are in use', secondsLeft: Math.ceil(left / 1_000) });
    samples.push(await connectionsInUse(ask, isOurs));
    await sleep(Math.min(left, SAMPLE_EVERY_MS), undefined, { signal });
  }
  const { intervals } = await metrics.read(first.cursor, signal);
  const requests = intervals
    .flatMap(({ counts }) => Object.values(counts))
    .reduce((sum, each) => sum + each.requests, 0);
  const seconds = intervals.reduce((sum, { from, to }) => sum + (to - from) / 1_000, 0);
  const inUse = samples.reduce((sum, count) => sum + count, 0) / samples.length;
  const measured = `${inUse.toFixed(2)} connections in use on average of ${samples.length} samples, ${requests} requests in ${seconds.toFixed(1)} s`;
  const source = `database ${database} and the metrics`;
  if (requests < FEWEST_REQUESTS || inUse === 0)
    return {
      passed: false,
      summary:
        inUse === 0
          ? `no connection of ${users.join(', ')} was in use in ${samples.length} samples, so a request's hold cannot be measured`
          : `only ${requests} requests in ${seconds.toFixed(1)} s: too few to measure by`,
      evidence: [
        {
          what: 'a request holds a connection for',
          measured,
          required: `at least ${FEWEST_REQUESTS} requests and a connection in use`,
          source,
        },
      ],
      unblock:
        'give "hold" in the runbook, from a load test; or check again under more traffic, or with a longer measureFor',
    };
  const ms = (inUse * seconds * 1_000) / requests;
  return { ms, measured: `${ms.toFixed(2)} ms: ${measured}`, source };
}

async function connectionsInUse(ask, isOurs) {
  const inTransaction = new Set(
    (await ask('SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx')).map(({ id }) => Number(id)),
  );
  const sessions = await ask('SHOW FULL PROCESSLIST');
  return sessions.filter(
    ({ Id, User, Command }) => isOurs(User) && (Command !== 'Sleep' || inTransaction.has(Number(Id))),
  ).length;
}

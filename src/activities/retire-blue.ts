import type { Activities, DeploymentTarget, MetricCursor, RetiredBlue } from '../domain/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { type Ports, portsOf, recoveryMetrics } from './ports.ts';
import { servingVersions } from './serving-versions.ts';
import { firstFew, inPercent, short } from './verify-traffic.ts';
import { assertNotSuperseded, operation, pause, withHeartbeat } from './with-heartbeat.ts';

export function retireBlue(dependencies: Dependencies): Activities['retireBlue'] {
  return ({ target }) =>
    withHeartbeat(async (run): Promise<RetiredBlue> => {
      await assertNotSuperseded(run);
      const { deployment, blue, green } = target;
      const { runbook } = await dependencies.runbooks.pinnedOrCurrent(target);
      // For a workload the version to stop is green, and the one that serves is blue.
      const roles: DeploymentTarget = { ...target, blue: green, green: blue };
      const ports = portsOf(dependencies, runbook, roles);
      const busy = await trafficLeft(ports, roles, run);
      if (busy !== undefined)
        return { deployment, evidence: [{ what: 'traffic', measured: busy, required: `none to ${blue}` }] };
      const evidence = await ports.workload().stop(operation(target, 'retire-blue'), run);
      return { deployment, retiredAt: Date.now(), evidence };
    });
}

/** Its share of the requests that is not taken for health checks, and the requests that it takes to know the share. */
const MOST_LEFT = 0.2;
const ENOUGH_REQUESTS = 50;
const LOOK_MS = 60_000;
const BETWEEN_READINGS_MS = 1_000;

/** What has to be known before a version is stopped: whether it has traffic. @throws when nobody can say it now */
async function trafficLeft(ports: Ports, target: DeploymentTarget, run: RunContext): Promise<string | undefined> {
  const version = target.green;
  const router = ports.router();
  const shares = await router.readTraffic(run);
  if (shares && (shares[version] ?? 0) > 0) return `the traffic is ${inPercent(shares)}`;
  if (shares) return router.followsLater ? requestsLeft(recoveryMetrics(ports, target), version, run) : undefined;
  const { versions } = await servingVersions(ports.metrics(), run.signal);
  if (versions.length > 0 && !versions.includes(version)) return undefined;
  return `the metrics count requests of ${firstFew(versions.map(short), ' and ') || 'no version'}`;
}

/** What carries the requests may not follow the router: whether the version still gets a part of them. @throws if they cannot be read */
async function requestsLeft(source: MetricSource, version: string, run: RunContext): Promise<string | undefined> {
  const until = Date.now() + LOOK_MS;
  let since: MetricCursor | null = null;
  let [own, all] = [0, 0];
  while (all < ENOUGH_REQUESTS && Date.now() < until) {
    const { cursor, intervals } = await source.read(since, run.signal);
    since = cursor;
    for (const [name, { requests }] of intervals.flatMap(({ counts }) => Object.entries(counts))) {
      all += requests;
      if (name === version) own += requests;
    }
    run.heartbeat({ doing: `counting the requests that ${version} still gets` });
    await pause(BETWEEN_READINGS_MS, run.signal);
  }
  return own > MOST_LEFT * all
    ? `the router sends it no traffic, but it still got ${own} of ${all} requests`
    : undefined;
}

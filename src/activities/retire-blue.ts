import type { Activities, DeploymentTarget, RetiredBlue } from '../domain/index.ts';
import { outOf } from '../format/index.ts';
import { ENOUGH_FOR_A_SHARE, MOST_WITHOUT_TRAFFIC, type Requested, requestsOf } from '../metrics/index.ts';
import type { MetricSource } from '../plugin/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { type Ports, portsOf, recoveryMetrics } from './ports.ts';
import { servingVersions } from './serving-versions.ts';
import { firstFew, inPercent, short } from './verify-traffic.ts';
import { assertNotSuperseded, operation, withHeartbeat } from './with-heartbeat.ts';

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

const LOOK_MS = 60_000;

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
  const isEnough = ({ all }: Requested): boolean => all >= ENOUGH_FOR_A_SHARE;
  const doing = `counting the requests that ${version} still gets`;
  const { own, all } = await requestsOf(version, source, { doing, until: Date.now() + LOOK_MS, isEnough }, run);
  return own > MOST_WITHOUT_TRAFFIC * all
    ? `the router sends it no traffic, but it still got ${outOf(own, all)}`
    : undefined;
}

import type { Activities, DeploymentTarget, RetiredBlue } from '../domain/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { type Ports, portsOf } from './ports.ts';
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
      const busy = await trafficLeft(ports, blue, run);
      if (busy !== undefined)
        return { deployment, evidence: [{ what: 'traffic', measured: busy, required: `none to ${blue}` }] };
      const evidence = await ports.workload().stop(operation(target, 'retire-blue'), run);
      return { deployment, retiredAt: Date.now(), evidence };
    });
}

/** What has to be known before a version is stopped: whether it has traffic. @throws when nobody can say it now */
async function trafficLeft(ports: Ports, version: string, run: RunContext): Promise<string | undefined> {
  const shares = await ports.router().readTraffic(run);
  if (shares) return (shares[version] ?? 0) > 0 ? `the traffic is ${inPercent(shares)}` : undefined;
  const { versions } = await servingVersions(ports.metrics(), run.signal);
  if (versions.length > 0 && !versions.includes(version)) return undefined;
  return `the metrics count requests of ${firstFew(versions.map(short), ' and ') || 'no version'}`;
}

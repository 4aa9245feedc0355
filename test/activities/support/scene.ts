import { afterEach } from '@jest/globals';
import { createActivities } from '../../../src/activities/create-activities.ts';
import type { Dependencies } from '../../../src/activities/dependencies.ts';
import type { Activities } from '../../../src/domain/activities.ts';
import type { Freeze } from '../../../src/domain/freeze.ts';
import type { DeploymentPlan, DeploymentTarget } from '../../../src/domain/plan.ts';
import type { Router, Workload } from '../../../src/plugin/index.ts';
import { createReportStore, type ReportStore } from '../../../src/report/store.ts';
import { createRunbookStore } from '../../../src/runbook/store.ts';
import { parseRequest, toPlan } from '../../../src/runbook/to-plan.ts';
import { folderState } from '../../../src/state/folder.ts';
import type { PastRun } from '../../../src/temporal/past-runs.ts';
import { type LittleProduction, startLittleProduction } from '../../support/little-production.ts';
import { registry } from '../../support/registry.ts';
import { uniqueService } from '../../support/temporal.ts';

export const BLUE = '2.4.0';
export const GREEN = '2.5.0';

/** The rules of the sequential judge with short times, in place of the little production's threshold. */
export const SEQUENTIAL = {
  judge: {
    rule: 'sequential',
    burstTolerance: '1s',
    trafficGrace: '2s',
    maxNoData: '1s',
    batch: undefined,
    breachesInARow: undefined,
  },
};

/** A worker's activities in front of a little production of their own, and a deployment that has begun there. */
export interface Scene {
  readonly production: LittleProduction;
  readonly activities: Activities;
  readonly dependencies: Dependencies;
  readonly reports: ReportStore;
  readonly plan: DeploymentPlan;
  readonly target: DeploymentTarget;
  /** The runs that Temporal has of the deployment's id, the newest first; the test fills it. */
  readonly past: PastRun[];
  /** What Temporal says of a stopped line; the test replaces it. */
  readonly line: { stopped: () => Promise<readonly Freeze[]> };
}

/** Replaces functions of the router that the runbook names. */
type RouterChange = (router: Router) => Partial<Router>;

/**
 * How scenes are set in a test file; each ends with its test. `env` joins what the worker has in its environment; `observe` is what
 * the platform says of the instances of both versions.
 */
export function useScenes(): (
  changes?: Record<string, unknown>,
  env?: NodeJS.ProcessEnv,
  changeRouter?: RouterChange,
  observe?: Workload['observe'],
) => Promise<Scene> {
  const productions: LittleProduction[] = [];
  afterEach(async () => {
    delete process.env['LITTLE_PRODUCTION'];
    await Promise.all(productions.splice(0).map((production) => production.stop()));
  });

  return async (changes, env, changeRouter = () => ({}), observe) => {
    const production = await startLittleProduction(uniqueService(), changes);
    productions.push(production);
    const { LITTLE_PRODUCTION, BLUEGREEN_RUNBOOKS: directory = '', BLUEGREEN_STATE = '' } = production.env;
    process.env['LITTLE_PRODUCTION'] = LITTLE_PRODUCTION; // commands find it where a worker's commands do
    const runbooks = createRunbookStore({ directory, state: folderState(BLUEGREEN_STATE), format: registry.format });
    const { service } = production;
    const plan = toPlan({
      ...(await runbooks.find(service, 'production')),
      request: parseRequest({ service, version: GREEN }),
      blue: BLUE,
      deployment: `blue-green/production/${service}/run-1`,
    });
    const reports = createReportStore(folderState(BLUEGREEN_STATE));
    const changed: typeof registry = {
      ...registry,
      workload: (...args) => ({ ...registry.workload(...args), ...(observe && { observe }) }),
      router: (...args) => {
        const router = registry.router(...args);
        return { ...router, ...changeRouter(router) };
      },
    };
    const past: PastRun[] = [];
    const pastRuns = async function* () {
      yield* past;
    };
    const line: Scene['line'] = { stopped: async () => [] };
    const dependencies: Dependencies = {
      runbooks,
      reports,
      registry: changed,
      env: { ...env },
      pastRuns,
      stoppedLine: () => line.stopped(),
    };
    const activities = createActivities(dependencies);
    return { production, plan, target: plan.target, activities, dependencies, reports, past, line };
  };
}

import type { Activities, QueueActivities } from '../domain/index.ts';
import { awaitFree } from './await-free.ts';
import { confirmApprovals } from './confirm-approvals.ts';
import type { Dependencies } from './dependencies.ts';
import { deployGreen } from './deploy-green.ts';
import { withFlushedSeries } from './flush-series.ts';
import { awaitThaw } from './freezes.ts';
import { guardTraffic } from './guard-traffic.ts';
import { notify } from './notify.ts';
import { findRunbook, planTrain } from './plan-train.ts';
import { readBaseline } from './read-baseline.ts';
import { resolvePlan } from './resolve-plan.ts';
import { resolveRollback } from './resolve-rollback.ts';
import { restoreTraffic } from './restore-traffic.ts';
import { retireBlue } from './retire-blue.ts';
import { runCheck } from './run-check.ts';
import { runRemedy } from './run-remedy.ts';
import { shiftTraffic } from './shift-traffic.ts';
import { failingWith, unableToRollBack, unableToWatch } from './unable.ts';
import { verifyRecovery } from './verify-recovery.ts';
import { watchWindow } from './watch-window.ts';
import { writeReport } from './write-report.ts';

/** Every activity, bound to what this worker gives it. */
export function createActivities(dependencies: Dependencies): Activities & QueueActivities {
  return {
    resolvePlan: resolvePlan(dependencies),
    resolveRollback: resolveRollback(dependencies),
    retireBlue: retireBlue(dependencies),
    runCheck: runCheck(dependencies),
    runRemedy: runRemedy(dependencies),
    readBaseline: readBaseline(dependencies),
    deployGreen: deployGreen(dependencies),
    shiftTraffic: shiftTraffic(dependencies),
    awaitThaw: awaitThaw(dependencies),
    watchWindow: failingWith(unableToWatch, withFlushedSeries(dependencies, watchWindow(dependencies))),
    restoreTraffic: failingWith(unableToRollBack, restoreTraffic(dependencies)),
    verifyRecovery: failingWith(unableToRollBack, verifyRecovery(dependencies)),
    guardTraffic: failingWith(unableToRollBack, guardTraffic(dependencies)),
    confirmApprovals: confirmApprovals(dependencies),
    notify: notify(dependencies),
    awaitFree: awaitFree(dependencies),
    writeReport: writeReport(dependencies),
    planTrain: planTrain(),
    findRunbook: findRunbook(dependencies),
  };
}

import type { DeploymentPlan } from '../../domain/index.ts';
import { apartMs, createMetricSource, metricsProblems } from '../../metrics/index.ts';
import type { Check, CheckContext } from '../../plugin/index.ts';
import { type CheckOfKind, toLimits, toPlan } from '../../runbook/index.ts';
import { findingOf, type Observation } from '../observation.ts';
import { checkExactPower, defaultDetect } from './detection-power-exact.ts';
import { checkSimulatedPower } from './detection-power-simulated.ts';
import { rate } from './format.ts';
import { type Measured, measure } from './measure.ts';
import { checkAge, checkClocks, checkLatency, checkSeries } from './series.ts';

/**
 * The watch has what it needs: blue's series are there, fresh and moving, and the first soak can see what it must with
 * the traffic of now. Throws when the metrics cannot be read: that says nothing about them.
 */
export function deploymentMonitoring(config: CheckOfKind<'deployment-monitoring'>): Check {
  return async (context) => {
    const { runbook, target, attendance, env } = context;
    const plan = planOf(context);
    const limits = toLimits(runbook.limits);
    const source = createMetricSource(runbook.metrics, limits, { env, versions: target });
    const seen = await measure(
      source,
      { version: target.blue, forMs: Math.max(config.measureFor, apartMs(runbook.metrics)), pollMs: plan.watch.pollMs },
      attendance,
    );
    const detect = config.detect ?? defaultDetect(plan.judge.limits.errorRate);
    const perSecond = seen.spanMs > 0 ? (seen.requests / seen.spanMs) * 1_000 : 0;
    const untrue = metricsProblems(seen.inspection, { ...target, limits });
    const looked = [
      { evidence: [], problems: untrue },
      checkSeries(seen, target.blue),
      ...(seen.series.all === 0 ? [] : [checkAge(seen, plan), checkLatency(seen, target.blue, plan)]),
      checkClocks(seen),
      // What is counted wrongly foretells nothing.
      ...(perSecond > 0 && untrue.length === 0 ? [await lookAhead(plan, detect, seen)] : []),
    ];
    return findingOf(
      looked,
      `${target.blue} is seen to answer ${rate(perSecond)} requests a second, which is enough for the first soak`,
    );
  };
}

async function lookAhead(plan: DeploymentPlan, detect: number, seen: Measured): Promise<Observation> {
  if (plan.judge.rule === 'sequential') return checkSimulatedPower(plan, { detect, seen });
  return checkExactPower(plan, { detect, perSecond: (seen.requests / seen.spanMs) * 1_000 });
}

/** The runbook as the watch will follow it. */
function planOf({ runbook, target }: CheckContext): DeploymentPlan {
  const { service, environment, green: version, blue, digest, deployment } = target;
  return toPlan({ runbook, digest, request: { service, environment, version }, blue, deployment });
}

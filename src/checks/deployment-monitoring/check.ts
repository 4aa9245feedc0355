import type { DeploymentPlan } from '../../domain/index.ts';
import {
  apartMs,
  type Check,
  type CheckContext,
  checkKind,
  type Finding,
  findingOf,
  type Observation,
} from '../../plugin/index.ts';
import { toPlan } from '../../runbook/index.ts';
import { checkExactPower, defaultDetect } from './detection-power-exact.ts';
import { checkSimulatedPower } from './detection-power-simulated.ts';
import { rate } from './format.ts';
import { type Measured, measure } from './measure.ts';
import { type Config, schema } from './schema.ts';
import { checkAge, checkClocks, checkLatency, checkSeries } from './series.ts';

export const deploymentMonitoring = checkKind({
  kind: 'deployment-monitoring',
  summary: 'The metrics show blue, and the first soak can detect a bad release.',
  schema,
  again: true,
  create,
});

/**
 * The watch has what it needs: blue's series are there, fresh and moving, and the first soak can see what it must with
 * the traffic of now. Throws when the metrics cannot be read: that says nothing about them.
 */
function create(config: Config): Check {
  return async (context) => {
    const begun = Date.now();
    const { finding, failed } = await look(config, context);
    const isTimeLeft = 3 * (Date.now() - begun) < config.timeout;
    // Blue may have stumbled for a moment, such as while the remedy of another check restarted its database.
    return finding.passed || failed === 0 || !isTimeLeft ? finding : (await look(config, context)).finding;
  };
}

async function look(config: Config, context: CheckContext): Promise<{ finding: Finding; failed: number }> {
  const { metrics, target, run } = context;
  const plan = planOf(context);
  const seen = await measure(
    metrics,
    { version: target.blue, forMs: Math.max(config.measureFor, apartMs(metrics)), pollMs: plan.watch.pollMs },
    run,
  );
  const detect = config.detect ?? defaultDetect(plan.judge.limits.errorRate);
  const perSecond = seen.spanMs > 0 ? (seen.requests / seen.spanMs) * 1_000 : 0;
  const untrue = seen.inspection?.problems ?? [];
  const observations = [
    { evidence: [], problems: untrue },
    checkSeries(seen, target.blue),
    ...(seen.series.all === 0 ? [] : [checkAge(seen, plan)]),
    ...(seen.inspection && seen.series.all > 0 ? [checkLatency(seen.inspection, target.blue, plan)] : []),
    ...(seen.inspection ? [checkClocks(seen.inspection)] : []),
    // What is counted wrongly foretells nothing.
    ...(perSecond > 0 && untrue.length === 0 ? [await lookAhead(plan, detect, seen)] : []),
  ];
  const finding = findingOf(
    observations,
    `${target.blue} is seen to answer ${rate(perSecond)} requests a second, which is enough for the first soak`,
  );
  return { finding, failed: seen.failed };
}

async function lookAhead(plan: DeploymentPlan, detect: number, seen: Measured): Promise<Observation> {
  const { judge } = plan;
  if (judge.rule === 'sequential') return checkSimulatedPower(plan, { detect, seen });
  return checkExactPower({ ...plan, judge }, { detect, perSecond: (seen.requests / seen.spanMs) * 1_000 });
}

/** The runbook as the watch will follow it. */
function planOf({ runbook, target }: CheckContext): DeploymentPlan {
  const { service, environment, green: version, blue, digest, deployment } = target;
  return toPlan({ runbook, digest, request: { service, environment, version }, blue, deployment });
}

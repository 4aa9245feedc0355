import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type Activities, DEFAULT_ENVIRONMENT, type DeploymentRequest, FAILURE } from '../domain/index.ts';
import { advance, apartMs, createMetricSource } from '../metrics/index.ts';
import { createPlatform } from '../platforms/index.ts';
import { parseRequest, type Runbook, toLimits, toPlan } from '../runbook/index.ts';
import type { RunContext } from '../util/index.ts';
import type { Dependencies } from './dependencies.ts';
import { firstFew, inPercent, short } from './verify-traffic.ts';
import { pause, withHeartbeat } from './with-heartbeat.ts';

/** Without a way to ask the platform, two readings this far apart show which version serves. */
const SERVING_MS = 3_000;

export function resolvePlan({ runbooks, env }: Dependencies): Activities['resolvePlan'] {
  return (sent) =>
    withHeartbeat(async (attendance) => {
      const request = parseRequest(sent);
      const { runbook, digest } = await runbooks.find(request.service, request.environment ?? DEFAULT_ENVIRONMENT);
      const blue = await findBlue(runbook, request, { env, attendance });
      const { workflowId, runId } = execution();
      return toPlan({ runbook, digest, request, blue, deployment: `${workflowId}/${runId}` });
    });
}

function execution(): { workflowId: string; runId: string } {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) throw new Error('resolvePlan runs only as an activity of a workflow');
  return workflowExecution;
}

interface Means {
  readonly env: NodeJS.ProcessEnv;
  readonly attendance: RunContext;
}

/** The version that serves now. A deployment begins only from a settled state: one version with all the traffic. */
async function findBlue(runbook: Runbook, request: DeploymentRequest, means: Means): Promise<string> {
  const { attendance } = means;
  const { service, version: green } = request;
  const target = { deployment: '', service, environment: runbook.environment, blue: '', green, digest: '' };
  const shares = await createPlatform(runbook.platform, target)
    .readTraffic(attendance)
    .catch((error: unknown) => {
      attendance.signal.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      throw invalid(`It could not be found out which version of ${service} serves now: ${why}`);
    });
  if (!shares) return findBlueByTraffic(runbook, service, means);

  const blue = Object.keys(shares).find((version) => shares[version] === 100);
  if (blue !== undefined) return blue;
  throw invalid(
    `The traffic of ${service} is split (${inPercent(shares) || 'no version serves'}), expected one version with 100 %. Finish or roll back what is under way first.`,
  );
}

async function findBlueByTraffic(
  { metrics, limits }: Runbook,
  service: string,
  { env, attendance: { signal } }: Means,
): Promise<string> {
  const source = createMetricSource(metrics, toLimits(limits), { env });
  const forMs = Math.max(SERVING_MS, apartMs(metrics));
  const before = await source.read(signal);
  await pause(forMs, signal);
  const fresh = advance(before, await source.read(signal, before)).interval?.counts ?? {};
  const serving = Object.keys(fresh).filter((version) => (fresh[version]?.requests ?? 0) > 0);
  const [blue, ...others] = serving;
  if (blue !== undefined && others.length === 0) return blue;
  throw invalid(
    `The runbook names no status command, and the metrics of ${service} show fresh requests of ${firstFew(serving.map(short), ' and ') || 'no version'} within ${forMs / 1_000} s, expected exactly one. Add platform.status, or wait until one version serves.`,
  );
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest);
}

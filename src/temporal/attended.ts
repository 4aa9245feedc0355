import type { Client } from '@temporalio/client';

/** A worker that waits for work asks again at least once a minute. The rest is for clocks that differ. */
const ASKED_WITHIN_MS = 120_000;
/** Stands for workers without a build id. */
const NO_BUILD = '';

/** Which workers take work from a task queue. A build is written as Temporal does in its list: `bluegreen:3f2c1ab`. */
export interface Attendance {
  readonly builds: ReadonlySet<string>;
  /** The build that new deployments begin on; missing where versions are off. */
  readonly current?: string;
}

/**
 * The workers that take work from this task queue. Temporal goes by who asked it for work lately: it takes two minutes to notice
 * that the last worker is gone.
 */
export async function attendanceOf({ workflowService, options }: Client, taskQueue: string): Promise<Attendance> {
  const { pollers, versioningInfo } = await workflowService.describeTaskQueue({
    namespace: options.namespace,
    taskQueue: { name: taskQueue },
  });
  const isThere = ({ lastAccessTime }: (typeof pollers)[number]): boolean =>
    Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 < ASKED_WITHIN_MS;
  const current = versioningInfo?.currentDeploymentVersion;
  return {
    builds: new Set(pollers.filter(isThere).map(({ deploymentOptions }) => buildOf(deploymentOptions))),
    ...(current && { current: nameOf(current) }),
  };
}

/** The build whose workers a workflow needs; undefined where workers without a build id serve it. */
export function buildNeeded({ current }: Attendance, build: string | undefined): string | undefined {
  return build ?? current;
}

/** Whether a worker takes the work of a workflow on this build, or of one that is on none. */
export function isAttended(attendance: Attendance, build?: string): boolean {
  return attendance.builds.has(buildNeeded(attendance, build) ?? NO_BUILD);
}

/** `WorkerVersioningMode` of Temporal's API: a worker without a build id names one all the same. */
const VERSIONED = 2;

interface Build {
  readonly deploymentName?: string | null;
  readonly buildId?: string | null;
}

function buildOf(worker?: (Build & { readonly workerVersioningMode?: number | null }) | null): string {
  return worker?.workerVersioningMode === VERSIONED ? nameOf(worker) : NO_BUILD;
}

function nameOf({ deploymentName, buildId }: Build): string {
  return `${deploymentName}:${buildId}`;
}

import type { WorkerOptions } from '@temporalio/worker';
import { call, type Namespace, taskQueue } from '../temporal/index.ts';

/** What Temporal refuses in the name of a worker deployment; with such a name a worker would poll and get nothing. */
const RESERVED = /[.:]/;

/**
 * Worker Versioning, off unless BLUEGREEN_BUILD_ID names this build: then a deployment ends on the build it began on, and
 * this worker gets new ones only once its build is made the current one. The worker deployment is named after the task
 * queue, which already tells installations in one namespace apart. See docs/production.md.
 *
 * @throws Error when the task queue's name cannot be the name of a worker deployment.
 */
export function workerVersioning(env: NodeJS.ProcessEnv = process.env): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  const buildId = env['BLUEGREEN_BUILD_ID'];
  if (!buildId) return {};
  const deploymentName = taskQueue(env);
  if (RESERVED.test(deploymentName))
    throw new Error(
      `BLUEGREEN_BUILD_ID is set and BLUEGREEN_TASK_QUEUE is "${deploymentName}": with versions, the name of the queue is the name of the worker deployment, and Temporal allows neither "." nor ":" in it. Choose another queue, or unset BLUEGREEN_BUILD_ID.`,
    );
  return {
    workerDeploymentOptions: {
      version: { deploymentName, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

/** What a person has to know of a worker with a build id; undefined for one without. */
export function versioningNotice(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const version = workerVersioning(env).workerDeploymentOptions?.version;
  if (!version) return undefined;
  return (
    `This worker is build ${version.buildId}. New deployments begin on it once it is the current build: ` +
    `temporal worker deployment set-current-version --deployment-name ${version.deploymentName} --build-id ${version.buildId}`
  );
}

/**
 * What a person has to know of a worker without a build id where versions are on: it looks as if it worked. Undefined if all is well,
 * or the server does not say.
 */
export async function lacksBuildId(at: Namespace, env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  if (workerVersioning(env).workerDeploymentOptions) return undefined;
  const name = taskQueue(env);
  const queue = await call(at, () =>
    at.connection.workflowService.describeTaskQueue({ namespace: at.namespace, taskQueue: { name } }),
  ).catch(() => undefined);
  const current = queue?.versioningInfo?.currentDeploymentVersion;
  if (!current) return undefined;
  return (
    `This worker gets no deployments: it has no BLUEGREEN_BUILD_ID, and build ${current.buildId} is the current one of the queue. ` +
    'Set BLUEGREEN_BUILD_ID, or turn versions off: ' +
    `temporal worker deployment set-current-version --deployment-name ${current.deploymentName} --unversioned`
  );
}

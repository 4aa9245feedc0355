import type { DeploymentStatus } from '../domain/index.ts';

/** The fields that name the deployment in each line of the worker's log. Lines of activities get them from an interceptor. */
export function aboutDeployment({ service, environment, version }: DeploymentStatus) {
  return { service, environment, version };
}

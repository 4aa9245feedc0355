import type { ActivityInterceptors } from '@temporalio/worker';

/** Every line that an activity logs, and that the SDK logs about it, names the deployment: service, environment, version. */
export function withDeploymentInLog(): ActivityInterceptors {
  let about: Readonly<Record<string, unknown>> = {};
  return {
    inbound: {
      execute(input, next) {
        about = deploymentIn(input.args[0]);
        return next(input);
      },
    },
    outbound: { getLogAttributes: (attributes, next) => next({ ...attributes, ...about }) },
  };
}

/** Activities get the target, the request or the report of a deployment. What came from outside may be anything. */
function deploymentIn(given: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(given)) return {};
  const { target, report } = given;
  const { service, environment, version, green = version } = [target, report].find(isObject) ?? given;
  return { service, environment, version: green };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

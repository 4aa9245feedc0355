import type { Context } from '@temporalio/activity';
import type { ActivityInterceptors } from '@temporalio/worker';

/** What runs on a worker: it names what keeps the worker from stopping. */
export interface RunningActivities {
  readonly interceptor: (context: Pick<Context, 'info'>) => ActivityInterceptors;
  /** `shiftTraffic of blue-green/production/shop` */
  names(): readonly string[];
}

export function createRunningActivities(): RunningActivities {
  const running = new Set<Context['info']>();
  return {
    interceptor: ({ info }) => ({
      inbound: {
        async execute(input, next) {
          running.add(info);
          try {
            return await next(input);
          } finally {
            running.delete(info);
          }
        },
      },
    }),
    names: () =>
      [...running].map(({ activityType, workflowExecution }) => `${activityType} of ${workflowExecution?.workflowId}`),
  };
}

import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { z } from 'zod';
import { deploymentWorkflowId, FAILURE, keepBlueWorkflowId } from '../domain/index.ts';
import { serviceName, version } from '../runbook/index.ts';
import { KEEP_BLUE_TYPE, QUEUE_TYPE, ROLLBACK_TYPE, TRAIN_TYPE, WORKFLOW_TYPE } from '../temporal/index.ts';

const targeted = z.looseObject({
  target: z.looseObject({ service: serviceName, environment: serviceName, blue: version, green: version }),
});

const reported = z.looseObject({ deployment: z.string(), report: z.looseObject({ schemaVersion: z.number() }) });

/** They read a train and the runbooks that it names, and change nothing. */
const OF_TRAINS = new Set(['planTrain', 'findRunbook']);

/** The workflows that act, and the id that each must have. */
const ID_OF: Readonly<Partial<Record<string, (service: string, environment: string) => string>>> = {
  [WORKFLOW_TYPE]: deploymentWorkflowId,
  [ROLLBACK_TYPE]: deploymentWorkflowId,
  [KEEP_BLUE_TYPE]: keepBlueWorkflowId,
};

/**
 * Accepts only activities that a deployment's own workflow started. Anybody who may start workflows in the namespace may
 * also start a single activity (`temporal activity start`): a shift to 100 % without checklist, watch or rollback,
 * with any text for a version. The arguments of an activity are validated again, since they came from outside.
 */
export function onlyForDeployments({ info }: Pick<Context, 'info'>): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const { workflowExecution, workflowType, activityType } = info;
        if (workflowExecution && workflowType === TRAIN_TYPE && OF_TRAINS.has(activityType)) return next(input);
        if (workflowType === QUEUE_TYPE && activityType === 'awaitFree') return next(input); // it changes nothing
        const idOf = ID_OF[workflowType ?? ''];
        if (!workflowExecution || !idOf)
          throw refused(`${activityType} runs only as a part of the workflow ${WORKFLOW_TYPE}: start that one`);
        if (activityType === 'resolvePlan' || activityType === 'resolveRollback') return next(input); // they read the request themselves
        if (activityType === 'writeReport') {
          // A refused deployment has no target: it may write its own report, and none of another's.
          const { data } = reported.safeParse(input.args[0]);
          const [own, run] = [`${workflowExecution.workflowId}/`, data?.deployment ?? ''];
          if (run.startsWith(own) && !run.slice(own.length).includes('/')) return next(input);
          throw refused(`${activityType} was asked to write the report of another deployment than ${own.slice(0, -1)}`);
        }
        const { data } = targeted.safeParse(input.args[0]);
        if (!data) throw refused(`${activityType} was asked to act on something that is no deployment's target`);
        const { service, environment } = data.target;
        const expected = idOf(service, environment);
        if (workflowExecution.workflowId !== expected)
          throw refused(`${activityType} was asked to act on ${service} in ${environment}, which only ${expected} may`);
        return next(input);
      },
    },
  };
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest);
}

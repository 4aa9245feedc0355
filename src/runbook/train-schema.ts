import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import {
  DEFAULT_ENVIRONMENT,
  deploymentWorkflowId,
  FAILURE,
  type TrainPlan,
  type TrainRequest,
} from '../domain/index.ts';
import { firstOf, validate } from './problems.ts';
import { duration, name, paragraph, serviceName, version, words } from './scalars.ts';
import { readYamlFile, withPlaces } from './yaml-file.ts';

/** The schema of a train file. As a request, it names things and never says how to act on them (invariant 2). */

const MOST_STAGES = 20;
const MOST_DEPLOYMENTS = 50;

const deployment = z.strictObject({
  service: serviceName.describe('The service.'),
  version: version.describe('The version to deploy.'),
  environment: serviceName.optional().describe('The environment. Default: `production`.'),
  taskQueue: words(200)
    .min(1)
    .optional()
    .describe(
      "The task queue of the workers that deploy it, such as those of another region. Default: the train's own.",
    ),
});

const stage = z.strictObject({
  name: name.describe('What `status` calls the stage, such as `eu`.'),
  deployments: z.array(deployment).min(1).describe('The deployments of the stage. They run side by side.'),
  pause: duration
    .optional()
    .describe('How long to wait after the stage, before the next one begins. Nothing is watched in a pause.'),
});

/** What it takes to find what stands twice, also where something else is wrong. */
const comparable = z.object({
  stages: z.array(
    z.object({ deployments: z.array(z.object({ service: z.string(), environment: z.string().optional() })) }),
  ),
});

const file = z
  .strictObject({
    name: name.describe('The name of the train: its workflow id is `blue-green-train/<name>`.'),
    reason: paragraph(1_000).optional().describe('Why. Each deployment gets it as its reason.'),
    onRollback: z
      .enum(['roll-back-all', 'stop'])
      .describe(
        'What happens when one deployment is rolled back, refused, cancelled or terminated. `roll-back-all`: those that run are aborted, ' +
          'and those that have completed are rolled back, the last stage first. `stop`: those that run go on, those that have ' +
          'completed stay, and no further stage begins.',
      ),
    stages: z.array(stage).min(1).max(MOST_STAGES).describe('The stages, one after the other.'),
  })
  .superRefine(
    ({ stages }, context) => {
      const seen = new Set<string>();
      const names = new Set<string>();
      const fail = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
      stages.forEach((one, index) => {
        if (names.has(one.name)) fail(['stages', index, 'name'], `found "${one.name}" twice, expected each stage once`);
        names.add(one.name);
        one.deployments.forEach(({ service, environment = DEFAULT_ENVIRONMENT }, place) => {
          const id = deploymentWorkflowId(service, environment);
          if (seen.has(id))
            fail(
              ['stages', index, 'deployments', place],
              `found ${service} in ${environment} twice, expected each service once per environment`,
            );
          seen.add(id);
        });
      });
      if (seen.size > MOST_DEPLOYMENTS)
        fail(['stages'], `found ${seen.size} deployments, expected at most ${MOST_DEPLOYMENTS}`);
      if (stages.at(-1)?.pause !== undefined)
        fail(['stages', stages.length - 1, 'pause'], 'the last stage has no next one; remove this pause');
    },
    { when: ({ value }) => comparable.safeParse(value).success },
  );

const requestSchema = file.safeExtend({ requestedBy: words(200).optional() });

/** Reads a train file and checks it. @returns what to send, as it is written. @throws RunbookError */
export async function loadTrain(path: string): Promise<TrainRequest> {
  const source = await readYamlFile(path);
  const result = validate(file, source.data);
  if ('problems' in result) throw withPlaces(path, source, result.problems);
  return source.data as TrainRequest;
}

/** What a client sent, as a plan. @throws ApplicationFailure `InvalidRequest`, final, with a line for each mistake. */
export function parseTrain(sent: unknown): TrainPlan {
  const result = validate(requestSchema, sent);
  if ('problems' in result)
    throw ApplicationFailure.nonRetryable(
      firstOf(result.problems.map(({ path, message }) => `train${path === '' ? '' : `.${path}`}: ${message}`)),
      FAILURE.InvalidRequest,
    );
  const { name: called, reason, requestedBy, onRollback, stages } = result.value;
  return {
    name: called,
    ...(reason === undefined ? {} : { reason }),
    ...(requestedBy === undefined ? {} : { requestedBy }),
    onRollback,
    stages: stages.map(({ name: stageName, deployments, pause }) => ({
      name: stageName,
      deployments: deployments.map(({ service, version: green, environment = DEFAULT_ENVIRONMENT, taskQueue }) => ({
        service,
        environment,
        version: green,
        ...(taskQueue === undefined ? {} : { taskQueue }),
      })),
      ...(pause === undefined ? {} : { pauseMs: pause }),
    })),
  };
}

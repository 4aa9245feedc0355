import { z } from 'zod';
import { placeOf } from '../../kubernetes/index.ts';
import type { RunbookParts, RunbookProblem } from '../../plugin/index.ts';
import type { RouterBase } from '../../runbook/index.ts';

const objectName = '[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?';

export const routesSchema = (base: RouterBase) =>
  base.extend({
    routes: z
      .array(
        z
          .string()
          .regex(new RegExp(`^(${objectName}/)?${objectName}$`), 'expected the name of a route, or namespace/name'),
      )
      .min(1)
      .refine((routes) => new Set(routes).size === routes.length, 'expected each route once')
      .describe(
        "The routes that shift together: names in the workload's namespace, or `namespace/name`. Only the weights of the Services of the two slots are changed.",
      ),
  });

export const serviceSchema = (base: RouterBase) =>
  base.extend({
    service: z
      .string()
      .regex(new RegExp(`^${objectName}$`), 'expected the name of a Service')
      .describe(
        "The Service that clients use, in the workload's namespace. Its selector is switched from the pods of one slot to those of the other.",
      ),
  });

/** These routers take the cluster and the slots from the workload. */
export function workloadProblems({ workload }: RunbookParts): readonly RunbookProblem[] {
  if (placeOf(workload)) return [];
  return [
    {
      path: ['workload', 'kind'],
      message: `found "${workload.kind}", expected kubernetes: this router takes the cluster and the slots from it`,
    },
  ];
}

/** A selector knows no shares. */
export function stepProblems({ traffic, workload }: RunbookParts, service: string): readonly RunbookProblem[] {
  const own = Object.entries(placeOf(workload)?.slots ?? {}).find(([name, slot]) => (slot.service ?? name) === service);
  return [
    ...traffic.flatMap(({ percentage }, index) =>
      percentage === 100
        ? []
        : [
            {
              path: ['traffic', index, 'percentage'],
              message: `found ${percentage}, expected 100: a Service sends all traffic to one slot; use http-route, grpc-route or virtual-service for weights`,
            },
          ],
    ),
    ...(own
      ? [
          {
            path: ['router', 'service'],
            message: `found "${service}", which is the Service of the slot ${own[0]}, expected another Service, which clients use`,
          },
        ]
      : []),
  ];
}

import { z } from 'zod';
import type { WorkloadConfig } from '../runbook/index.ts';

const objectName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
    'expected the name of a Kubernetes object: lower-case letters, digits, - and .',
  );
const namespaceName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected the name of a namespace: lower-case letters, digits and -');

const slot = z
  .strictObject({
    deployment: objectName.optional().describe('The Deployment of this slot. By default it has the name of the slot.'),
    statefulSet: objectName.optional().describe('The StatefulSet of this slot, instead of a Deployment.'),
    service: objectName
      .optional()
      .describe(
        'The Service that selects the pods of this slot, and of no other. By default it has the name of the slot.',
      ),
  })
  .refine(
    ({ deployment, statefulSet }) => deployment === undefined || statefulSet === undefined,
    'expected deployment or statefulSet, not both',
  );

const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

/** Where a service runs: the workload of kind `kubernetes` has these keys, and the routers for Kubernetes read them there. */
export const placeKeys = {
  cluster: z
    .strictObject({
      kubeconfig: z
        .string()
        .regex(/^\//, 'expected an absolute path')
        .optional()
        .describe("A kubeconfig file on the worker's machine. It is read again when it changes."),
      context: z.string().min(1).optional().describe('The context in it. By default its current context.'),
    })
    .prefault({})
    .describe(
      "The cluster. By default the one that the worker's pod runs in, with its service account; outside of a cluster `KUBECONFIG` or `~/.kube/config`.",
    ),
  namespace: namespaceName.describe('The namespace of both slots.'),
  slots: z
    .record(z.string().min(1), slot)
    .refine((slots) => Object.keys(slots).length === 2, 'expected two slots that take turns')
    .refine(
      (slots) => [ownersOf(slots), servicesOf(slots)].every(({ size }) => size === Object.keys(slots).length),
      'expected a Deployment or StatefulSet and a Service of its own for each slot',
    )
    .describe(
      'The two slots that take turns, by name. Which of them serves is read from the router; the other one gets the new version.',
    ),
  versionLabel: z
    .string()
    .regex(LABEL_KEY, 'expected the key of a label such as app.kubernetes.io/version')
    .default('app.kubernetes.io/version')
    .describe('The label on the pod template that holds the version. It must not be part of any selector.'),
};

const placeSchema = z.strictObject(placeKeys);
/** Where a service runs, as the runbook says it. */
export type Place = z.output<typeof placeSchema>;

/** The place of a workload of kind `kubernetes`; undefined for another kind. */
export function placeOf(workload: WorkloadConfig): Place | undefined {
  return workload.kind === 'kubernetes' ? (workload as WorkloadConfig & Place) : undefined;
}

type SlotKeys = Readonly<Record<string, z.output<typeof slot>>>;

function ownersOf(slots: SlotKeys): Set<string> {
  return new Set(
    Object.entries(slots).map(([name, { deployment, statefulSet }]) =>
      statefulSet === undefined ? `Deployment ${deployment ?? name}` : `StatefulSet ${statefulSet}`,
    ),
  );
}

function servicesOf(slots: SlotKeys): Set<string> {
  return new Set(Object.entries(slots).map(([name, { service }]) => service ?? name));
}

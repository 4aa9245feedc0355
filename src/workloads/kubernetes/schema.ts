import { z } from 'zod';
import { placeKeys } from '../../kubernetes/index.ts';
import { command, commandEnv, duration, template, type WorkloadBase } from '../../runbook/index.ts';
import { healthSchema } from '../check-health.ts';

/** Placeholders of `command`. */
const PLACEHOLDERS = ['service', 'version', 'blue', 'slot', 'namespace', 'replicas'] as const;

/** A rollback waits for it before blue is proven healthy, and stopping green may take 15 s in all. */
const LONGEST_DRAIN_MS = 10_000;
const WAYS = ['image', 'manifests', 'kustomize', 'command'] as const;
const folder = z.string().min(1);

export const schema = (base: WorkloadBase) =>
  base
    .extend({
      ...placeKeys,
      image: template('service', 'version', 'slot')
        .optional()
        .describe(
          'The image of a version, such as `registry.example.com/recommendation:{version}`. A deployment sets it in the pod template of the free slot, with the version label and the number of replicas that blue has, and changes nothing else.',
        ),
      container: z
        .string()
        .min(1)
        .optional()
        .describe('The container that gets `image`. Needed if the pod has several.'),
      manifests: folder
        .optional()
        .describe(
          "A folder on the worker's machine with YAML files for one slot. `{version}`, `{slot}`, `{service}` and `{namespace}` in them are filled; they are applied server-side with the field manager `bluegreen`.",
        ),
      kustomize: folder
        .optional()
        .describe(
          'The same for a kustomization: the placeholders are filled in what `kustomize build`, or `kubectl kustomize`, prints.',
        ),
      command: command(...PLACEHOLDERS)
        .optional()
        .describe(
          'A program that brings the version into the slot `{slot}`: Helm, or a commit for a GitOps controller. It is run on the worker; after it the version is waited for.',
        ),
      env: commandEnv.describe('The variables of the worker that `command` gets, as `env` of kind `command` says.'),
      drain: duration
        .prefault('5s')
        .refine((ms) => ms <= LONGEST_DRAIN_MS, 'expected at most 10s')
        .describe(
          'How long green keeps running after a rollback has taken its traffic, so that open requests end. Then it is scaled to 0. At most 10s.',
        ),
      health: healthSchema('slot')
        .optional()
        .describe(
          'An address that has to answer as well, of green before it gets traffic, and of blue after a rollback. `{slot}` is the name of the slot.',
        ),
    })
    .superRefine((config, context) => {
      const fail = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
      const given = WAYS.filter((way) => config[way] !== undefined);
      if (given.length !== 1)
        fail(
          [],
          `found ${given.length === 0 ? 'none' : given.join(' and ')}, expected one of ${WAYS.join(', ')}: how a version is deployed`,
        );
      if (config.image === undefined && config.container !== undefined)
        fail(['container'], 'it belongs to image; remove it');
      if (config.image !== undefined && !config.image.includes('{version}'))
        fail(['image'], 'expected {version} in it');
      if (config.command === undefined && config.env !== undefined) fail(['env'], 'it belongs to command; remove it');
    });

export type Config = z.output<ReturnType<typeof schema>>;

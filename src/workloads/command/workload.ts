import { type Evidence, type Workload, workloadKind } from '../../plugin/index.ts';
import { fillPlaceholders, findPrograms, runChange } from '../../processes/index.ts';
import { command, commandEnv } from '../../runbook/index.ts';
import { checkHealth, healthSchema, isAmbiguous } from '../check-health.ts';

const PLACEHOLDERS = ['service', 'version', 'blue'] as const;

/** Versions that programs on the worker start and stop: the guide's `deploy`. */
export const commandWorkload = workloadKind({
  kind: 'command',
  summary: 'The worker runs programs, without a shell.',
  secretKeys: ['deploy', 'stop', 'url'],
  schema: (base) =>
    base.extend({
      deploy: command(...PLACEHOLDERS).describe('Starts green without traffic.'),
      stop: command(...PLACEHOLDERS)
        .optional()
        .describe(
          "Stops `{version}`: green after a rollback, within 15 seconds, and blue at the end of `keepBlue`. Leave it out if the router's rollback stops green, or if green keeps running.",
        ),
      env: commandEnv,
      health: healthSchema().describe(
        'The health check that green has to pass before it gets traffic, and blue after a rollback.',
      ),
    }),
  warnings: ({ health }) =>
    !isAmbiguous(health, 'version')
      ? []
      : [
          'workload.health has the same address for blue and green, and nothing in the answer has to show the version: an answer of blue passes for green. Add contains: "{version}" or a header with it, or put {version} into the address.',
        ],
  problems: ({ stop }, { keepBlue }) =>
    keepBlue === undefined || stop?.some((word) => word.includes('{version}'))
      ? []
      : [
          {
            path: ['workload', 'stop'],
            message: `${stop ? 'without {version}' : 'missing'}, expected a command with {version} since keepBlue is set: it stops green after a rollback, and blue when its time is over`,
          },
        ],
  create(config, { target }): Workload {
    const { service, green, blue } = target;
    const values = { service, version: green, blue };
    const { deploy, stop, env, health, timeout: timeoutMs } = config;
    return {
      deploy: (operation, run) =>
        runChange({ name: 'deploy', command: deploy, env, values, timeoutMs, operation }, run),

      async stop(operation, run): Promise<Evidence> {
        if (stop === undefined) return [];
        return runChange({ name: 'stop', command: stop, env, values, timeoutMs, operation }, run);
      },

      checkHealth: (version, { signal }) => checkHealth(health, { version, target }, signal),

      preflight: () =>
        findPrograms(
          Object.entries({ deploy, stop }).map(([key, program]) => ({
            key: `workload.${key}`,
            program: program && fillPlaceholders(program.slice(0, 1), values)[0],
          })),
          { key: 'workload.env', names: env },
        ),
    };
  },
});

import { randomUUID } from 'node:crypto';
import { type Router, routerKind } from '../../plugin/index.ts';
import {
  exitFailure,
  fillCommand,
  fillPlaceholders,
  findPrograms,
  runChange,
  runCommand,
} from '../../processes/index.ts';
import { command, commandEnv } from '../../runbook/index.ts';
import type { RunContext } from '../../util/index.ts';
import { parseTraffic, type TrafficReport } from './parse-traffic.ts';

const STATUS_TIMEOUT_MS = 10_000;

/** Traffic that programs on the worker move: the guide's `shift-traffic` and `rollback`. */
export const commandRouter = routerKind({
  kind: 'command',
  summary: 'The worker runs programs, without a shell.',
  secretKeys: ['shiftTraffic', 'rollback', 'status'],
  schema: (base) =>
    base.extend({
      shiftTraffic: command('service', 'version', 'percentage').describe(
        'Sends this percentage of the traffic to green.',
      ),
      rollback: command('service', 'version', 'blue').describe('Sends all traffic to blue. `{version}` is green.'),
      status: command('service')
        .optional()
        .describe(
          'Prints `{"traffic": {"2.4.0": 50, "2.5.0": 50}}`. Without it, traffic is read from the metrics. If metrics are counted ' +
            'by slot, it also prints where each version runs: `"slots": {"2.4.0": "shop-a", "2.5.0": "shop-b"}`.',
        ),
      env: commandEnv,
    }),
  create(config, { target, env }): Router {
    const { service, green, blue } = target;
    const values = { service, version: green, blue };
    const { shiftTraffic, rollback, status, timeout: timeoutMs } = config;

    async function readStatus(run: RunContext): Promise<TrafficReport | undefined> {
      if (status === undefined) return undefined;
      const name = 'router.status';
      const operation = { id: `${name}/${randomUUID()}`, attempt: 1 };
      const filled = fillCommand(name, status, { service });
      const result = await runCommand({
        name,
        command: filled,
        env: config.env,
        operation,
        run,
        timeoutMs: STATUS_TIMEOUT_MS,
      });
      if (result.exitCode !== 0) throw exitFailure(name, result);
      return parseTraffic(result.stdout, env);
    }

    return {
      setTraffic: (operation, percentage, run) =>
        percentage === 0
          ? runChange({ name: 'rollback', command: rollback, env: config.env, values, timeoutMs, operation }, run)
          : runChange(
              {
                name: 'shift-traffic',
                command: shiftTraffic,
                env: config.env,
                values: { ...values, percentage: String(percentage) },
                timeoutMs,
                operation,
              },
              run,
            ),

      readTraffic: async (run) => (await readStatus(run))?.traffic,
      readSlots: async (run) => (await readStatus(run))?.slots,

      preflight: () =>
        findPrograms(
          Object.entries({ shiftTraffic, rollback, status }).map(([key, program]) => ({
            key: `router.${key}`,
            program: program && fillPlaceholders(program.slice(0, 1), { ...values, percentage: '0' })[0],
          })),
          { key: 'router.env', names: config.env },
        ),
    };
  },
});

import { z } from 'zod';
import { type CheckBase, command, commandEnv, TARGET_PLACEHOLDERS } from '../../runbook/index.ts';

export const phase = z.enum(['expand', 'contract']);
export const rollback = z.enum(['reversible', 'forward-only']);

export const schema = (base: CheckBase) =>
  base.extend({
    env: commandEnv,
    command: command(...TARGET_PLACEHOLDERS).describe(
      'Prints the migrations of this release as a JSON list: `[{"name": "0042_add_rank", "phase": "expand", "rollback": "reversible", "applied": false}]`. Only `name` is required. Without `applied` a migration is pending.',
    ),
    phase: phase
      .optional()
      .describe(
        'The phase of migrations that the command prints without one. `expand`: blue keeps working after it. `contract`: it removes what blue may still use. Without this key, a pending migration of no phase fails the check.',
      ),
    rollback: rollback
      .default('forward-only')
      .describe(
        'The same for `rollback`. `forward-only`: it cannot be undone, and people hear that a rollback leaves the schema as it is.',
      ),
    run: z
      .enum(['before-green', 'with-green'])
      .default('before-green')
      .describe(
        'When expand migrations run. `before-green`: by a person or the remedy; pending ones fail the check. `with-green`: by the deploy command or by green itself; they may be pending until green is deployed.',
      ),
  });

export type Config = z.output<ReturnType<typeof schema>>;

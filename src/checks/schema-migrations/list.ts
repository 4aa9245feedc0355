import { z } from 'zod';
import type { CheckContext } from '../../plugin/index.ts';
import { jsonOrUndefined, redact } from '../../util/index.ts';
import { runProgram, SHOWN } from '../run-program.ts';
import { type Config, phase, rollback } from './schema.ts';

/** One migration of the release. */
export interface Migration {
  readonly name: string;
  /** Undefined where nothing says it. */
  readonly phase: 'expand' | 'contract' | undefined;
  readonly isReversible: boolean;
  readonly isApplied: boolean;
}

const printed = z.array(
  z.strictObject({
    name: z.string().regex(/^[^\p{C}]{1,200}$/u, 'expected 1 to 200 characters without control characters'),
    phase: phase.optional(),
    rollback: rollback.optional(),
    applied: z.boolean().default(false),
  }),
);

/** The migrations of the release, as the command of the runbook prints them. @throws Error if it prints something else. */
export async function listMigrations(config: Config, context: CheckContext): Promise<readonly Migration[]> {
  const name = `the command of check ${config.id}`;
  const result = await runProgram(context, {
    command: config.command,
    env: config.env,
    name,
    timeoutMs: config.timeout,
  });
  if ('notRun' in result) throw new Error(result.notRun);
  if (result.exitCode !== 0)
    throw new Error(`${name} ended with exit code ${result.exitCode}: ${result.outputTail.slice(-SHOWN)}`);
  const parsed = printed.safeParse(jsonOrUndefined(result.stdout));
  if (!parsed.success)
    throw new Error(`${name} printed ${found(result.stdout, context.env)}, ${expected(parsed.error)}`);
  return parsed.data.map((migration) => ({
    name: redact(migration.name, context.env),
    phase: migration.phase ?? config.phase,
    isReversible: (migration.rollback ?? config.rollback) === 'reversible',
    isApplied: migration.applied,
  }));
}

function found(stdout: string, env: NodeJS.ProcessEnv): string {
  const text = redact(stdout, env).trim();
  return text === '' ? 'nothing' : `"${text.slice(-SHOWN)}"`;
}

function expected({ issues: [problem] }: z.ZodError): string {
  const where = problem && problem.path.length > 0 ? ` (at ${problem.path.join('.')}: ${problem.message})` : '';
  return `expected a JSON list such as [{"name": "0042_add_rank", "phase": "expand", "rollback": "reversible"}], or []${where}`;
}

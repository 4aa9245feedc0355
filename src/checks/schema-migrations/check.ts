import type { EvidenceLine } from '../../domain/index.ts';
import {
  type Check,
  type CheckContext,
  checkKind,
  findingOf,
  type Observation,
  type Problem,
  type Remedy,
} from '../../plugin/index.ts';
import { shortList } from '../../util/index.ts';
import { commandRemedy } from '../command-remedy.ts';
import { listMigrations, type Migration } from './list.ts';
import { type Config, schema } from './schema.ts';

export const schemaMigrations = checkKind({
  kind: 'schema-migrations',
  summary: 'The migrations of this release fit to blue, and people know whether a rollback undoes them.',
  schema,
  again: true,
  create,
  remedy,
});

/** Shown as evidence, and kept as what a rollback does not undo: a history has limits. */
const MOST_SHOWN = 20;
const MOST_KEPT = 50;

/** Every change of the schema has to let blue work, which serves, and which a rollback goes back to. */
function create(config: Config): Check {
  return async (context) => {
    const migrations = await listMigrations(config, context);
    const forwardOnly = migrations.filter(({ isReversible }) => !isReversible).map(({ name }) => name);
    return {
      ...findingOf([observe(migrations, config, context)], summaryOf(migrations, forwardOnly, context)),
      ...(forwardOnly.length > 0 && { forwardOnly: forwardOnly.slice(0, MOST_KEPT) }),
    };
  };
}

function observe(
  migrations: readonly Migration[],
  { run }: Config,
  { target: { blue, green }, greenIsUp }: CheckContext,
): Observation {
  const pending = migrations.filter(({ isApplied }) => !isApplied);
  const names = (phase: Migration['phase']): string =>
    shortList(pending.filter((each) => each.phase === phase).map(({ name }) => name));
  const [expand, contract, unknown] = [names('expand'), names('contract'), names(undefined)];
  const isDue = run === 'before-green' || greenIsUp;
  const problem = (isOne: boolean, found: string, unblock: string): Problem[] => (isOne ? [{ found, unblock }] : []);
  return {
    evidence: evidenceOf(migrations, { blue, run }),
    problems: [
      ...problem(
        contract !== '',
        `pending contract migration while ${blue} serves: ${contract}`,
        `take ${contract} out of this release and run it after ${blue} is gone: it removes what ${blue} may still use`,
      ),
      ...problem(
        unknown !== '',
        `pending migration that is neither expand nor contract: ${unknown}`,
        'let the command print its "phase", or set phase in the runbook',
      ),
      ...problem(
        expand !== '' && isDue,
        run === 'before-green'
          ? `pending expand migration: ${expand}`
          : `${green} is deployed, but its migration is still pending: ${expand}`,
        run === 'before-green'
          ? `run ${expand} now, before ${green} ${greenIsUp ? 'gets traffic' : 'is deployed'}`
          : `look into the log of ${green} and of its deployment for why ${expand} did not run`,
      ),
    ],
  };
}

function evidenceOf(
  migrations: readonly Migration[],
  { blue, run }: { readonly blue: string; readonly run: Config['run'] },
): EvidenceLine[] {
  const required = {
    expand: run === 'before-green' ? 'applied before green' : 'applied with green',
    contract: `not before ${blue} is gone`,
  };
  if (migrations.length === 0) return [{ what: 'migrations', measured: 'none listed' }];
  const more = migrations.length - MOST_SHOWN;
  return [
    ...migrations.slice(0, MOST_SHOWN).map(({ name, phase, isReversible, isApplied }) => ({
      what: `migration ${name}`,
      measured: `${isApplied ? 'applied' : 'pending'}, phase ${phase ?? 'unknown'}, ${isReversible ? 'reversible' : 'forward-only'}`,
      required: phase ? required[phase] : 'expand or contract',
    })),
    ...(more > 0 ? [{ what: 'migrations', measured: `${more} more` }] : []),
  ];
}

function summaryOf(
  migrations: readonly Migration[],
  forwardOnly: readonly string[],
  { target: { blue, green } }: CheckContext,
): string {
  if (migrations.length === 0) return `no migration of ${green} is listed`;
  const pending = migrations.filter(({ isApplied }) => !isApplied).length;
  const counts = `migrations of ${green}: ${migrations.length - pending} applied, ${pending} pending`;
  return forwardOnly.length === 0
    ? `${counts}, all reversible`
    : `${counts}; a rollback to ${blue} leaves ${shortList(forwardOnly)} in place (forward-only)`;
}

/** A remedy that runs migrations runs all that are pending: never with one among them that may break blue. */
function remedy(config: Config): Remedy | undefined {
  const run = commandRemedy(config);
  if (!run) return undefined;
  return async (context) => {
    const migrations = await listMigrations(config, context);
    const unsafe = migrations
      .filter(({ isApplied, phase }) => !isApplied && phase !== 'expand')
      .map(({ name }) => name);
    if (unsafe.length === 0) return run(context);
    return {
      done: false,
      summary: `it was not run, because ${shortList(unsafe)} is pending and is no expand migration: ${context.target.blue} serves and may not work after it`,
    };
  };
}

/**
 * What a rollback cannot undo: bluegreen moves traffic, and a forward-only migration stays in the database. Pure.
 */

/** A deployment's status or its report. */
interface Release {
  readonly version: string;
  readonly blue?: string;
  readonly plan?: { readonly target: { readonly blue: string } };
  readonly checks: readonly { readonly result?: { readonly forwardOnly?: readonly string[] } }[];
  /** Found by the checks of an earlier run. */
  readonly forwardOnly?: readonly string[] | undefined;
}

const MOST_NAMED = 5;

/** What stays after a rollback, without a full stop; undefined where no check found a forward-only migration. */
export function schemaStays({ checks, forwardOnly = [], version, ...release }: Release): string | undefined {
  const names = [...new Set([...forwardOnly, ...checks.flatMap(({ result }) => result?.forwardOnly ?? [])])];
  if (names.length === 0) return undefined;
  const more = names.length - MOST_NAMED;
  const named = `${names.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return `the schema stays as the forward-only ${names.length === 1 ? 'migration' : 'migrations'} of ${version} left it (${named}); ${blueOf(release)} must work on it`;
}

/** What a rollback may promise, for those who decide before one. */
export function rollbackPromise(release: Release): string | undefined {
  const stays = schemaStays(release);
  return stays && `A rollback moves traffic back to ${blueOf(release)}; ${stays}`;
}

function blueOf({ blue, plan }: Pick<Release, 'blue' | 'plan'>): string {
  return blue ?? plan?.target.blue ?? 'blue';
}

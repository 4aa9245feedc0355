import type { RemedyResult } from '../domain/index.ts';
import type { CheckContext } from './check.ts';

/** What a remedy did; the activity adds when and how long. */
type Fixed = Omit<RemedyResult, 'startedAt' | 'durationMs'>;

/**
 * What may be run when a check fails, so that it passes after. Returns `done: false` when it could not do it, with what
 * stands in the way; throws, in words a person can act on, when it could not even be tried. May be run twice.
 */
export type Remedy = (context: CheckContext) => Promise<Fixed>;

import { redact } from './redact.ts';

const MOST_NAMED = 5;
const LONGEST_NAME = 100;

/** A few names that others gave, such as versions in metrics: they can be any text. */
export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).map((name) => redact(name).slice(0, LONGEST_NAME));
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

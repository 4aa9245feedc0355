import { expandAnalysis, withoutRepetitions } from './analysis.ts';
import { type Extended, readExtended } from './extends.ts';
import { expandPlatform, inPlatform } from './platform.ts';
import { type Problem, validate } from './problems.ts';
import type { Runbook, RunbookFormat } from './schema.ts';
import { parseYamlFile, RunbookError, type Source, withPlaces } from './yaml-file.ts';

/** Reads and checks one runbook, with what it extends. @throws RunbookError */
export async function loadRunbook(file: string, format: RunbookFormat): Promise<Runbook> {
  return checkRunbook(file, await readExtended(file), format);
}

/** A runbook, or undefined for a file without `service`: other runbooks extend it. @throws RunbookError */
export async function loadRunbookOrBase(file: string, format: RunbookFormat): Promise<Runbook | undefined> {
  return (await readRunbookOrBase(file, format)).runbook;
}

/** The same with the files that it was read from, and their stamps. @throws RunbookError */
export async function readRunbookOrBase(
  file: string,
  format: RunbookFormat,
): Promise<Pick<Extended, 'files' | 'stamps'> & { readonly runbook: Runbook | undefined }> {
  const source = await readExtended(file);
  const { files, stamps } = source;
  if (!isBase(source)) return { files, stamps, runbook: checkRunbook(file, source, format) };
  const result = findProblems(source, format);
  // What a base does not say, the runbooks do.
  const problems = 'value' in result ? [] : result.problems.filter(({ message }) => !message.startsWith('missing'));
  if (problems.length > 0) throw withPlaces(file, source, problems);
  return { files, stamps, runbook: undefined };
}

/** A file with what it extends, as people write it. @throws RunbookError, also when the whole is no runbook. */
export async function readWholeRunbook(file: string, format: RunbookFormat): Promise<Extended & { runbook: Runbook }> {
  const source = await readExtended(file);
  return { ...source, runbook: checkRunbook(file, source, format) };
}

/** `file` is what messages call it. Nothing is read: it cannot extend another. @throws RunbookError */
export function parseRunbook(text: string, { file, format }: { file: string; format: RunbookFormat }): Runbook {
  const source = parseYamlFile(text, file);
  if (typeof source.data === 'object' && source.data !== null && 'extends' in source.data)
    throw new RunbookError(file, [`${source.placeOf(['extends'])}: extends: expected no such key here`]);
  return checkRunbook(file, source, format);
}

function isBase({ data }: Source): boolean {
  return typeof data === 'object' && data !== null && !Array.isArray(data) && !('service' in data);
}

function checkRunbook(file: string, source: Source, format: RunbookFormat): Runbook {
  const result = findProblems(source, format);
  if ('value' in result) return result.value;
  throw withPlaces(file, source, result.problems);
}

function findProblems(
  { data }: Source,
  format: RunbookFormat,
): { value: Runbook } | { readonly problems: readonly Problem[] } {
  const expanded = expandPlatform(expandAnalysis(data), format);
  const result = validate(format.schema, expanded.data, format.secretKeys);
  if ('value' in result) return result;
  const found = withoutRepetitions(result.problems);
  return { problems: expanded.isExpanded ? inPlatform(found) : found };
}

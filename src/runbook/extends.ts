import { dirname, isAbsolute, join, resolve } from 'node:path';
import { RunbookError, readable, readYamlFile, type Source } from './yaml-file.ts';

type Keys = Readonly<Record<string, unknown>>;

/** In these lists an entry has a name: entries of the same name are one. All other lists are replaced. */
const NAME_OF_ENTRY: Readonly<Record<string, string>> = {
  checklist: 'id',
  verifyGreen: 'id',
  analysis: 'name',
  freezes: 'name',
};

export interface Extended extends Source {
  /** The file itself and what it extends, the nearest first. */
  readonly files: readonly string[];
  /** The stamp of each of `files` when it was read. */
  readonly stamps: readonly string[];
}

/**
 * A file together with those that it extends: `extends` names another file, relative to its own folder, and is not in the
 * result. Maps are merged, but one with another `kind` replaces the other; a key with no value is removed.
 * @throws RunbookError that names the file with the mistake
 */
export async function readExtended(file: string, extendedBy: readonly string[] = []): Promise<Extended> {
  const own = await readYamlFile(file);
  if (!isKeys(own.data) || !('extends' in own.data)) return { ...own, files: [file], stamps: [own.stamp] };
  const { extends: base, ...data } = own.data;
  const place = own.placeOf(['extends']);
  if (typeof base !== 'string' || base === '')
    throw new RunbookError(file, [`${place}: extends: expected the path of another file`]);
  const chain = [...extendedBy, resolve(file)];
  const baseFile = isAbsolute(base) ? base : join(dirname(file), base);
  if (chain.includes(resolve(baseFile)))
    throw new RunbookError(file, [`${place}: extends: this file extends itself by ${base}`]);
  const below = await readExtended(baseFile, chain).catch((error: unknown) => {
    throw error instanceof RunbookError ? unreadable(error, file, place) : error;
  });
  try {
    return {
      ...merged(below, { ...own, data }, NAME_OF_ENTRY),
      files: [file, ...below.files],
      stamps: [own.stamp, ...below.stamps],
    };
  } catch (error) {
    throw readable(error, file);
  }
}

/** The file that is extended has the mistake: without the place that names it, nobody would know why it is read. */
function unreadable({ problems }: RunbookError, file: string, place: string): RunbookError {
  return new RunbookError(file, [...problems, `${place}: extends: the file that it names cannot be used`]);
}

function merged(base: Source, own: Source, nameOfEntry: Readonly<Record<string, string>> = {}): Source {
  const [before, after] = [base.data, own.data];
  if (!isKeys(before) || !isKeys(after)) return own;
  if (before['kind'] !== undefined && after['kind'] !== undefined && before['kind'] !== after['kind']) return own;
  const parts = new Map(Object.keys(before).map((key) => [key, partOf(base, key)]));
  for (const [key, value] of Object.entries(after)) {
    const inBase = parts.get(key);
    const name = nameOfEntry[key];
    const ours = partOf(own, key);
    if (inBase === undefined) parts.set(key, ours);
    else if (value === null) parts.delete(key);
    else parts.set(key, name === undefined ? merged(inBase, ours) : mergedList(inBase, ours, name));
  }
  return {
    data: Object.fromEntries([...parts].map(([key, part]) => [key, part.data])),
    placeOf: ([key, ...rest]) => parts.get(String(key))?.placeOf(rest) ?? own.placeOf([]),
  };
}

/** Entries of the base stay where they are; new ones follow. */
function mergedList(base: Source, own: Source, name: string): Source {
  if (!Array.isArray(base.data) || !Array.isArray(own.data)) return own;
  const ours = own.data.map((_, index) => partOf(own, index));
  const nameIn = ({ data }: Source) => (isKeys(data) ? data[name] : undefined);
  const entries = base.data.map((_, index) => {
    const inBase = partOf(base, index);
    const place = ours.findIndex((one) => nameIn(one) !== undefined && nameIn(one) === nameIn(inBase));
    const [same] = place < 0 ? [] : ours.splice(place, 1);
    return same === undefined ? inBase : merged(inBase, same);
  });
  entries.push(...ours);
  return {
    data: entries.map(({ data }) => data),
    placeOf: ([index, ...rest]) => entries[Number(index)]?.placeOf(rest) ?? own.placeOf([]),
  };
}

function partOf({ data, placeOf }: Source, key: string | number): Source {
  return { data: (data as Record<PropertyKey, unknown>)[key], placeOf: (keys) => placeOf([key, ...keys]) };
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

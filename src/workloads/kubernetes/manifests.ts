import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { asLabel } from '../../kubernetes/index.ts';
import { commandFailed } from '../../plugin/index.ts';
import type { RunContext } from '../../util/index.ts';

/** An object of a manifest, checked for what every object has. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

/** A text with manifests, and what messages call it. */
export interface ManifestText {
  readonly name: string;
  readonly text: string;
}

/** The YAML files of a folder, by name. @throws ApplicationFailure `CommandFailed` if there are none. */
export async function readFolder(folder: string, { signal }: RunContext): Promise<ManifestText[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
  } catch {
    throw commandFailed('the folder in workload.manifests cannot be read on this worker');
  }
  if (names.length === 0) throw commandFailed('the folder in workload.manifests has no .yaml file');
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(folder, name), { encoding: 'utf8', signal }) })),
  );
}

/**
 * The objects of the texts. Placeholders are filled in the text; whatever else stands in braces is YAML.
 * @throws ApplicationFailure `CommandFailed` that names the file.
 */
export function parseManifests(texts: readonly ManifestText[], values: Readonly<Record<string, string>>): Manifest[] {
  return texts.flatMap(({ name, text }) => {
    const filled = text.replace(/\{(\w+)\}/g, (all, key: string) => {
      const value = Object.hasOwn(values, key) ? values[key] : undefined;
      return value === undefined ? all : asLabel(value);
    });
    return parseAllDocuments(filled).flatMap((document) => {
      const [error] = document.errors;
      if (error) throw commandFailed(`${name} is no YAML: ${error.message.split('\n')[0]}`);
      return objectsIn(document.toJS(), name);
    });
  });
}

function objectsIn(value: unknown, file: string): Manifest[] {
  if (value === null || value === undefined) return [];
  const { apiVersion, kind, metadata, items } = value as Partial<Manifest> & { readonly items?: unknown };
  if (kind === 'List' && Array.isArray(items)) return items.flatMap((item) => objectsIn(item, file));
  if (typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string')
    return [value as Manifest];
  throw commandFailed(`${file} has a document without apiVersion, kind or metadata.name: expected a Kubernetes object`);
}

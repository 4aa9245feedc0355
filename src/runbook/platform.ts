import { keysAllowedAt } from './keys.ts';
import type { Problem } from './problems.ts';
import type { RunbookFormat } from './schema.ts';

type Keys = Readonly<Record<string, unknown>>;

/**
 * `platform: { kind: command, ... }` is short for a `workload` and a `router` of one kind: here each gets its keys. Anything else
 * stays as it is, for the schema to judge.
 */
export function expandPlatform(data: unknown, { schema }: RunbookFormat): { data: unknown; isExpanded: boolean } {
  if (!isKeys(data) || !isKeys(data['platform']) || 'workload' in data || 'router' in data)
    return { data, isExpanded: false };
  const { platform, ...rest } = data;
  const both = { ...rest, workload: platform, router: platform };
  const ofRouter = keysAllowedAt(schema, both, ['router']);
  const ofWorkload = keysAllowedAt(schema, both, ['workload']);
  const entries = Object.entries(platform ?? {});
  return {
    data: {
      ...rest,
      // A key that neither has is found to be wrong here.
      workload: Object.fromEntries(entries.filter(([key]) => ofWorkload.includes(key) || !ofRouter.includes(key))),
      router: Object.fromEntries(entries.filter(([key]) => ofRouter.includes(key))),
    },
    isExpanded: true,
  };
}

/** The problems with the names that the person wrote: `platform.deploy`, not `workload.deploy`. Each is there once. */
export function inPlatform(problems: readonly Problem[]): Problem[] {
  const renamed = problems.map(({ path, message, keys: [first, ...rest] }) =>
    first === 'workload' || first === 'router'
      ? { path: path.replace(/^\w+/, 'platform'), message, keys: ['platform', ...rest] }
      : { path, message, keys: first === undefined ? [] : [first, ...rest] },
  );
  const seen = new Set<string>();
  return renamed.filter(({ path, message }) => {
    const text = `${path}: ${message}`;
    return !seen.has(text) && seen.add(text);
  });
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

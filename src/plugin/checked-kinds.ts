import type { z } from 'zod';
import type { RunbookParts, RunbookProblem } from '../runbook/index.ts';
import { messageOf, redact } from '../util/index.ts';
import { type Plugin, PORT_VERSION } from './define-plugin.ts';
import { PluginError } from './plugin-error.ts';

/** Runbooks name a kind so. */
const KIND_NAME = /^[a-z][a-z0-9-]*$/;
const EXTENDS = 'expected schema: (base) => base.extend({ ... }), with z of bluegreen/plugin';

/** @throws PluginError when two plugins have one name, or one is made for another version of the ports. */
export function checkPlugins(plugins: readonly Plugin[]): void {
  const names = new Set<unknown>();
  for (const { name, portVersion } of plugins) {
    if (typeof name !== 'string' || name === '')
      throw new PluginError('A plugin has no name, expected the name of its package: definePlugin({ name, ... }).');
    if (names.has(name))
      throw new PluginError(`Two plugins have the name ${name}. Load only one of them, or give one another name.`);
    names.add(name);
    if (portVersion !== PORT_VERSION)
      throw new PluginError(
        `The plugin ${name} is made for version ${portVersion} of bluegreen's ports, and this bluegreen has version ${PORT_VERSION}. ` +
          `Install a version of ${name} that fits, or another version of bluegreen.`,
      );
  }
}

/** Whose a kind is. */
export interface Owner {
  /** `router` */
  readonly port: string;
  /** The name of the plugin. */
  readonly plugin: string;
  /** The key of the runbook under which the kind stands; missing where it is one of a list. */
  readonly key?: string | undefined;
}

/** @throws PluginError when the kind has a name that no runbook can use, or lacks a function. */
export function checkKind(kind: unknown, { port, plugin }: Owner): void {
  const { kind: name, schema, create } = (kind ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !KIND_NAME.test(name))
    throw new PluginError(
      `The plugin ${plugin} has a ${port} with the kind ${JSON.stringify(name) ?? 'undefined'}, expected lower-case letters, digits ` +
        'and hyphens, such as "my-kind".',
    );
  const who = `The ${port} kind "${name}" of the plugin ${plugin}`;
  if (typeof schema !== 'function') throw new PluginError(`${who} has no function schema, ${EXTENDS}.`);
  // A check may be confirmed by a person.
  if (typeof create !== 'function' && port !== 'check')
    throw new PluginError(`${who} has no function create, expected one that returns the ${port}.`);
}

/** What the schemas of all ports begin with. */
type Base = z.ZodType & { readonly shape: Readonly<Record<string, z.ZodType>> };

/** The parts of a kind that are asked about a runbook. */
interface Asked {
  readonly kind: string;
  schema(base: never): z.ZodType;
  problems?(config: never, runbook: RunbookParts): readonly RunbookProblem[];
}

/** The same kind: a wrong schema throws a PluginError, and a search for problems that fails is a problem of the runbook. */
export function checkedKind<Kind extends Asked>(kind: Kind, { port, plugin, key }: Owner): Kind {
  const who = `${port} kind "${kind.kind}" of the plugin ${plugin}`;
  return {
    ...kind,
    schema: (base: Base) => {
      let schema: unknown;
      try {
        schema = kind.schema(base as never);
      } catch (error) {
        throw new PluginError(`The schema of the ${who} cannot be made: ${messageOf(error)}. Correct the plugin.`, {
          cause: error,
        });
      }
      const wrong = wrongSchema(schema, base, kind.kind);
      if (wrong !== undefined) throw new PluginError(`The schema of the ${who} ${wrong}, ${EXTENDS}.`);
      return schema;
    },
    ...(kind.problems && {
      problems: (config: never, runbook: RunbookParts) => {
        const path = key === undefined ? [] : [key];
        try {
          const found: unknown = kind.problems?.(config, runbook);
          if (isProblems(found)) return found;
          return [
            {
              path,
              message: `the ${who} returned no list of problems, expected [] or [{ path, message }]: correct the plugin`,
            },
          ];
        } catch (error) {
          const why = redact(messageOf(error));
          return [{ path, message: `the ${who} failed while it looked for problems: ${why}: correct the plugin` }];
        }
      },
    }),
  };
}

function wrongSchema(schema: unknown, base: Base, kind: string): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('_zod' in schema)) return 'is no type of zod 4';
  const { _zod: type } = schema as z.ZodType;
  if (!type.propValues?.['kind']?.has(kind)) return `does not have the key kind of the base`;
  if (!('shape' in schema)) return undefined;
  // One that may be missing may be left out, such as the remedy of a check.
  const needed = Object.entries(base.shape).filter(([, { _zod }]) => _zod.optout !== 'optional');
  const missing = needed.flatMap(([key]) => (Object.hasOwn(schema.shape as object, key) ? [] : [key]));
  return missing.length === 0 ? undefined : `does not have the keys of the base (${missing.join(', ')})`;
}

function isProblems(found: unknown): found is readonly RunbookProblem[] {
  return (
    Array.isArray(found) &&
    found.every((one: Partial<RunbookProblem> | null) => Array.isArray(one?.path) && typeof one?.message === 'string')
  );
}

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorCode } from '../util/index.ts';
import type { Plugin } from './define-plugin.ts';
import { PluginError } from './plugin-error.ts';

const CONFIG_FILES = ['bluegreen.config.js', 'bluegreen.config.mjs', 'bluegreen.config.ts'];

/** What `bluegreen.config.js` exports by default. */
export interface BluegreenConfig {
  /** Plugins, or the names of their packages, or paths from the folder of the file. */
  readonly plugins?: readonly (Plugin | string)[];
}

/**
 * The plugins that `bluegreen.config.{js,mjs,ts}` in `folder` names, and those in the variable BLUEGREEN_PLUGINS: names of packages, or
 * paths, separated by commas.
 * @throws PluginError that names the plugin and says why it cannot be loaded.
 */
export async function loadPlugins(folder: string, env: NodeJS.ProcessEnv): Promise<readonly Plugin[]> {
  const file = CONFIG_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
  const named = (env['BLUEGREEN_PLUGINS'] ?? '').split(',').map((name) => name.trim());
  const wanted = [...(file === undefined ? [] : await pluginsIn(file)), ...named.filter((name) => name !== '')];
  const plugins = await Promise.all(
    wanted.map(async (plugin) => (typeof plugin === 'string' ? importPlugin(plugin, folder) : asPlugin(plugin))),
  );
  return [...new Set(plugins)]; // one that both name is loaded once
}

async function pluginsIn(file: string): Promise<readonly (Plugin | string)[]> {
  const config = (await importDefault(file, pathToFileURL(file).href)) as BluegreenConfig | undefined;
  const plugins = config?.plugins ?? [];
  if (typeof config !== 'object' || !Array.isArray(plugins))
    throw new PluginError(
      `${file}: found no default export with a list of plugins, expected export default { plugins: [...] }`,
    );
  return plugins;
}

async function importPlugin(name: string, folder: string): Promise<Plugin> {
  return asPlugin(await importDefault(`The plugin ${name}`, locate(name, folder)), name);
}

function locate(name: string, folder: string): string {
  if (/^\.{1,2}\//.test(name) || isAbsolute(name)) return pathToFileURL(resolve(folder, name)).href;
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href;
  } catch {
    return name;
  }
}

async function importDefault(what: string, url: string): Promise<unknown> {
  try {
    return ((await import(url)) as { readonly default?: unknown }).default;
  } catch (error) {
    const code = errorCode(error);
    const why =
      code === 'ERR_MODULE_NOT_FOUND'
        ? 'it, or a package that it imports, is not installed; install it with npm, or correct its name'
        : code === 'ERR_UNKNOWN_FILE_EXTENSION'
          ? 'this version of Node.js cannot load TypeScript; compile it to JavaScript'
          : error instanceof Error
            ? error.message
            : String(error);
    throw new PluginError(`${what} cannot be loaded: ${why}.`, { cause: error });
  }
}

function asPlugin(found: unknown, name = 'in bluegreen.config'): Plugin {
  if (typeof found === 'object' && found !== null && 'name' in found && 'portVersion' in found) return found as Plugin;
  throw new PluginError(
    `The plugin ${name} has no default export made by definePlugin, expected export default definePlugin({ ... }).`,
  );
}

import { loadRegistry } from '../built-in.ts';
import { PluginError, type Registry } from '../plugin/index.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

/** The kinds that runbooks may name here. @throws CliError that names the plugin that cannot be loaded. */
export async function loadKinds(): Promise<Registry> {
  return loadRegistry().catch((error: unknown) => {
    throw error instanceof PluginError ? new CliError(EXIT.usage, error.message, { cause: error }) : error;
  });
}

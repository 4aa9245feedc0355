/** A plugin cannot be used. The message says which, and what to do. */
export class PluginError extends Error {
  override readonly name = 'PluginError';
}

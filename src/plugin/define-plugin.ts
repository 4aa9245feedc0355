import type { CheckKind, MetricsKind, NotificationKind, RouterKind, WorkloadKind } from './kinds.ts';

/** The major version of the ports. A plugin that was made for another one is refused. */
export const PORT_VERSION = 1;

/** What a plugin adds, by port. */
export interface Kinds {
  readonly workloads?: readonly WorkloadKind[];
  readonly routers?: readonly RouterKind[];
  readonly metrics?: readonly MetricsKind[];
  readonly checks?: readonly CheckKind[];
  readonly notifications?: readonly NotificationKind[];
}

export interface Plugin extends Kinds {
  /** What messages call it: the name of its package. */
  readonly name: string;
  readonly portVersion: number;
}

/** A plugin: a name, and the kinds that it adds. The default export of a plugin's package. */
export function definePlugin(plugin: Kinds & { readonly name: string }): Plugin {
  return { ...plugin, portVersion: PORT_VERSION };
}

import { builtIn } from '../../../src/built-in.ts';
import { commandRemedy } from '../../../src/checks/index.ts';
import type { Check, Remedy } from '../../../src/plugin/check.ts';
import { type CheckConfig, kindSchemas } from '../../../src/runbook/kinds.ts';
import { registry } from '../../support/registry.ts';

const { workloads = [], routers = [], metrics = [], checks = [], notifications = [] } = builtIn;

/** A check of a runbook. */
export const CHECK = kindSchemas({ workloads, routers, metrics, checks, notifications }).check;

/** Keys that only the kind knows come along. */
type Config = CheckConfig | (CheckConfig & Readonly<Record<string, unknown>>);

export function createCheck(config: Config): Check {
  return registry.check(config);
}

export function createRemedy(config: Config): Remedy | undefined {
  return registry.remedy(config) ?? commandRemedy(config);
}

import type { Remedy } from '../plugin/index.ts';
import type { CheckConfig } from '../runbook/index.ts';
import { commandRemedy } from './command/remedy.ts';
import { buildIndexes } from './postgres-indexes/check.ts';

/** The remedy that the runbook names for this check, if any. */
export function createRemedy(config: CheckConfig): Remedy | undefined {
  if (config.kind === 'attestation' || !config.remedy) return undefined;
  if ('command' in config.remedy) return commandRemedy(config.id, config.remedy);
  return config.kind === 'postgres-indexes' ? buildIndexes(config) : undefined;
}

import type { Check } from '../plugin/index.ts';
import type { CheckConfig } from '../runbook/index.ts';
import { commandCheck } from './command/check.ts';
import { deploymentMonitoring } from './deployment-monitoring/check.ts';
import { httpCheck } from './http/check.ts';
import { loadTest } from './load-test/check.ts';
import { platformReady } from './platform-ready/check.ts';
import { postgresIndexes } from './postgres-indexes/check.ts';
import { postgresMaxConnections } from './postgres-max-connections/check.ts';
import { postgresPoolSize } from './postgres-pool-size/check.ts';
import { prometheusAlerts } from './prometheus-alerts/check.ts';

/** The check that the runbook describes. @throws Error for an attestation: that is a person's to give. */
export function createCheck(config: CheckConfig): Check {
  switch (config.kind) {
    case 'postgres-max-connections':
      return postgresMaxConnections(config);
    case 'postgres-indexes':
      return postgresIndexes(config);
    case 'postgres-pool-size':
      return postgresPoolSize(config);
    case 'deployment-monitoring':
      return deploymentMonitoring(config);
    case 'prometheus-alerts':
      return prometheusAlerts(config);
    case 'load-test':
      return loadTest(config);
    case 'platform-ready':
      return platformReady(config);
    case 'command':
      return commandCheck(config);
    case 'http':
      return httpCheck(config);
    case 'attestation':
      throw new Error(`check ${config.id} is an attestation: no worker measures it, a person attests it`);
  }
}

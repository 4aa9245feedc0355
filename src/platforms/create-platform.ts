import type { DeploymentTarget } from '../domain/index.ts';
import type { Platform } from '../plugin/index.ts';
import type { PlatformConfig } from '../runbook/index.ts';
import { commandPlatform } from './command/platform.ts';

/** The adapter that the runbook asks for, for one deployment. */
export function createPlatform(config: PlatformConfig, target: DeploymentTarget): Platform {
  switch (config.kind) {
    case 'command':
      return commandPlatform(config, target);
    default:
      throw new Error(`unknown platform: ${String(config.kind satisfies never)}`);
  }
}

import type { DeploymentTarget } from '../domain/index.ts';

/** What the commands, URLs and texts of a check may name. Both versions and both names match a strict pattern. */
export function placeholders({ service, environment, green, blue }: DeploymentTarget) {
  return { service, environment, version: green, blue };
}

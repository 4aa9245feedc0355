import { DEFAULT_ENVIRONMENT } from '../domain/index.ts';

/** Longer than the ten seconds that a message may wait for a worker that died holding the workflow. */
export const ANSWER_WITHIN_MS = 12_000;

/** Which deployment a person means. Without `run`, the newest one. */
export interface Address {
  readonly service: string;
  readonly environment: string;
  readonly run?: string;
}

/** The command as the person called it: hints are printed so that they can be pasted. */
export const COMMAND = process.env['npm_lifecycle_event'] === 'bluegreen' ? 'npm run bluegreen --' : 'bluegreen';

/** `--service S` and, where it is not the default, `--environment E`: for commands that people are told to run. */
export function addressFlags({ service, environment, run }: Address): string {
  const flags = [`--service ${service}`];
  if (environment !== DEFAULT_ENVIRONMENT) flags.push(`--environment ${environment}`);
  if (run !== undefined) flags.push(`--run ${run}`);
  return flags.join(' ');
}

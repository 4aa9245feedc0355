import { DEFAULT_ENVIRONMENT } from '../domain/index.ts';
import { isInstalled } from '../util/index.ts';

/** Longer than the ten seconds that a message may wait for a worker that died holding the workflow. */
export const ANSWER_WITHIN_MS = 12_000;

/** Which deployment a person means. Without `run`, the newest one. */
export interface Address {
  readonly service: string;
  readonly environment: string;
  readonly run?: string;
}

/** The commands that a clone has an npm script for. */
const WITH_SCRIPT = ['demo', 'sandbox', 'temporal'];
const script = process.env['npm_lifecycle_event'] ?? '';
const isOwnScript = !isInstalled && WITH_SCRIPT.includes(script);

/** The command as the person called it: people can paste what a message names. */
export const COMMAND = script === 'bluegreen' || isOwnScript ? 'npm run bluegreen --' : 'bluegreen';

/** One of the commands as the person called it: `bluegreen demo`, or `npm run demo --`. */
export function calledAs(name: string): string {
  return isOwnScript && name === script ? `npm run ${name} --` : `${COMMAND} ${name}`;
}

/** `--service S` and, where it is not the default, `--environment E`: for commands in messages. */
export function addressFlags({ service, environment, run }: Address): string {
  const flags = [`--service ${service}`];
  if (environment !== DEFAULT_ENVIRONMENT) flags.push(`--environment ${environment}`);
  if (run !== undefined) flags.push(`--run ${run}`);
  return flags.join(' ');
}

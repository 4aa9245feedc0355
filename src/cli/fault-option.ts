import { Option } from 'commander';
import type { FaultName } from '../sandbox/index.ts';

/** A record, so that the compiler finds a name that is missing: the sandbox itself takes too long to load for a list. */
const FAULTS: Readonly<Record<FaultName, true>> = {
  'missing-index': true,
  'pool-exhaustion': true,
  'bad-release': true,
  'slow-rollback': true,
};

/** `--fault`: what goes wrong in the sandbox. */
export function faultOption(description: string): Option {
  return new Option('--fault <name>', description).choices(Object.keys(FAULTS));
}

import { messageOf } from '../util/index.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Something that a person can understand and act on: shown as it is, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** For errors that are written for a person on several lines: all of them are shown. */
export function inFull(error: unknown): never {
  const message = messageOf(error);
  throw new CliError(EXIT.unexpected, message, { cause: error });
}

import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_ENVIRONMENT, isBuiltIn, SERVICE_NAME, SERVICE_NAME_RULE } from '../domain/index.ts';
import { calledAs } from './address.ts';

/** `--service` and `--environment`: which deployment is meant. */
export function withAddress(command: Command): Command {
  return command
    .requiredOption('--service <name>', 'the service', nameOf)
    .option('--environment <name>', 'the environment', nameOf, DEFAULT_ENVIRONMENT);
}

/** `--by`: a claim of the sender, which nobody verifies. */
export function withBy(command: Command, what = 'who decides'): Command {
  return command.option('--by <name>', what, whoRunsThis());
}

export function whoRunsThis(env: NodeJS.ProcessEnv = process.env): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return env['USER'] || undefined; // a user id without an entry, as in some containers
  }
}

/** An example that a person can paste, under the help of a command. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  const examples = lines.map((line) => `  ${line.replace(/^\S+/, calledAs)}`).join('\n');
  return command.addHelpText('after', `\nExample:\n${examples}`);
}

/** As strict as in a runbook: it becomes part of a workflow id. */
export function nameOf(text: string): string {
  const problem = nameProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return text;
}

/** What is wrong with a name; undefined: nothing. */
export function nameProblem(text: string): string | undefined {
  if (!SERVICE_NAME.test(text)) return `Expected ${SERVICE_NAME_RULE}.`;
  return isBuiltIn(text) ? 'Expected another name: JavaScript uses this one.' : undefined;
}

export function positiveNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 1_000)
    throw new InvalidArgumentError('Expected a whole number from 1 to 1000.');
  return number;
}

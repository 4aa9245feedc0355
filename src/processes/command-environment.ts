import { readVariable } from '../util/index.ts';

/** What every command gets of the worker's environment. docs/security.md names them for people. */
const BASIC = /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|BLUEGREEN_(?!STATE_URL).*)$/;

/**
 * The environment of a command: the basic variables of `env`, and those that the runbook names.
 * @throws Error that names a variable that is not set, or whose file cannot be read.
 */
export function commandEnvironment(
  names: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string | undefined> {
  const basic = Object.entries(env).filter(([name]) => BASIC.test(name));
  return { ...Object.fromEntries(basic), ...Object.fromEntries(names.map((name) => [name, valueOf(name, env)])) };
}

/** Without its variable a program might act on another cluster or account than the runbook means. An empty value is one. */
function valueOf(name: string, env: NodeJS.ProcessEnv): string {
  const value = readVariable(env, name);
  if (value !== undefined) return value;
  throw new Error(`the variable ${name}, which the runbook names in "env", is not set on this worker`);
}

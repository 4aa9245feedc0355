import type { Problem } from '../plugin/index.ts';
import { readToken } from '../prometheus/index.ts';
import { messageOf, readVariable } from '../util/index.ts';

/** The URL in a variable. Never says what the variable holds: the URL is a secret. @throws Error that names the variable. */
export function urlIn(variable: string, env: NodeJS.ProcessEnv): string {
  const url = readVariable(env, variable);
  if (url && /^https?:/i.test(url) && URL.canParse(url)) return url;
  throw new Error(`the worker's variable ${variable} ${url ? 'holds no URL' : 'is not set'}, expected a webhook's URL`);
}

/** The token in a variable. @throws Error that names the variable. */
export function tokenIn(variable: string, env: NodeJS.ProcessEnv): string {
  return readToken(env, variable)?.value ?? '';
}

/** What `preflight` of a notifier finds: whether each variable can be read. */
export function problemsOf(variables: Readonly<Record<string, () => unknown>>): readonly Problem[] {
  return Object.entries(variables).flatMap(([variable, read]) => {
    try {
      read();
      return [];
    } catch (error) {
      const found = messageOf(error);
      const unblock = `set ${variable} in the worker's environment and restart the worker, or correct "notifications" in the runbook`;
      return [{ found, unblock }];
    }
  });
}

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where a worker keeps what has to outlive it: BLUEGREEN_STATE, by default in the person's state folder. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const home = env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return resolve(env['BLUEGREEN_STATE'] ?? join(home, 'bluegreen'));
}

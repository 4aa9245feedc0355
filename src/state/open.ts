import { readVariable } from '../util/index.ts';
import { folderState } from './folder.ts';
import { s3Address } from './s3-address.ts';
import { stateDirectory } from './state-directory.ts';
import type { StateStore } from './store.ts';

const VARIABLE = 'BLUEGREEN_STATE_URL';

/**
 * Where the workers keep what outlives them: PostgreSQL or a bucket if BLUEGREEN_STATE_URL (or BLUEGREEN_STATE_URL_FILE)
 * names one, else the folder of {@link stateDirectory}. Connects with the first call only.
 * @throws Error for a URL that cannot be used; it names the variable and shows no secret.
 */
export async function openState(env: NodeJS.ProcessEnv = process.env): Promise<StateStore> {
  const read = () => readVariable(env, VARIABLE)?.trim() ?? '';
  const url = read();
  if (url === '') return folderState(stateDirectory(env));
  // Loaded where they are asked for: the drivers cost memory and time.
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { postgresState } = await import('./postgres.ts');
    return postgresState({ url: read, urlVariable: VARIABLE, env });
  }
  if (url.startsWith('s3://')) {
    const address = s3Address(url, env, VARIABLE);
    const { s3State } = await import('./s3.ts');
    return s3State(address, env);
  }
  throw new Error(
    `${VARIABLE}: expected postgresql://user:password@host/database or s3://bucket/prefix; for a folder, set BLUEGREEN_STATE instead`,
  );
}

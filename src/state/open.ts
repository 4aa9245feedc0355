import { readVariable } from '../util/index.ts';
import { folderState } from './folder.ts';
import { postgresState } from './postgres.ts';
import { s3State } from './s3.ts';
import { s3Address } from './s3-address.ts';
import { stateDirectory } from './state-directory.ts';
import type { StateStore } from './store.ts';

const VARIABLE = 'BLUEGREEN_STATE_URL';

/**
 * Where the workers keep what outlives them: PostgreSQL or a bucket if BLUEGREEN_STATE_URL (or BLUEGREEN_STATE_URL_FILE)
 * names one, else the folder of {@link stateDirectory}. Connects with the first call only.
 * @throws Error for a URL that cannot be used; it names the variable and shows no secret.
 */
export function openState(env: NodeJS.ProcessEnv = process.env): StateStore {
  const read = () => readVariable(env, VARIABLE)?.trim() ?? '';
  const url = read();
  if (url === '') return folderState(stateDirectory(env));
  if (/^postgres(ql)?:\/\//.test(url)) return postgresState({ url: read, urlVariable: VARIABLE, env });
  if (url.startsWith('s3://')) return s3State(s3Address(url, env, VARIABLE), env);
  throw new Error(
    `${VARIABLE}: expected postgresql://user:password@host/database or s3://bucket/prefix; for a folder, set BLUEGREEN_STATE instead`,
  );
}

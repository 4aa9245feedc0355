import { z } from 'zod';
import type { MembersOf } from './approvers.ts';
import { validate } from './problems.ts';
import { name, words } from './scalars.ts';
import { RunbookError, readYamlFile } from './yaml-file.ts';

const VARIABLE = 'BLUEGREEN_GROUPS';

const schema = z.strictObject({ groups: z.record(name, z.array(words(100))) });

/**
 * Who is in which group now, by the file that the worker's variable BLUEGREEN_GROUPS names.
 * @throws Error that says what to do, when it is not set; RunbookError when the file cannot be read or is no list of groups.
 */
export async function readGroups(env: NodeJS.ProcessEnv): Promise<MembersOf> {
  const file = env[VARIABLE];
  if (!file)
    throw new Error(`the variable ${VARIABLE} of the worker is not set; set it to the YAML file that lists the groups`);
  const { data, placeOf } = await readYamlFile(file);
  const result = validate(schema, data);
  if ('problems' in result)
    throw new RunbookError(
      file,
      result.problems.map(({ keys, path, message }) => `${placeOf(keys)}: ${path === '' ? '' : `${path}: `}${message}`),
    );
  const groups = new Map(Object.entries(result.value.groups));
  return (group) => groups.get(group);
}

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { checkKind, z } from 'bluegreen/plugin';
import { folderKey } from './folder.js';

export const fileCheck = checkKind({
  kind: 'file-exists',
  summary: 'A file is there.',
  schema: (base) => base.extend({ folder: folderKey, file: z.string().min(1).describe('Its name.') }),
  create:
    ({ folder, file }) =>
    async ({ run }) => {
      run.signal.throwIfAborted();
      const isThere = await access(join(folder, file)).then(
        () => true,
        () => false,
      );
      const evidence = [{ what: file, measured: isThere ? 'there' : 'missing', required: 'there' }];
      if (isThere) return { passed: true, summary: `${file} is there`, evidence };
      return { passed: false, summary: `${file} is missing`, evidence, unblock: `create ${file}, then recheck` };
    },
});

import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { notificationKind } from 'bluegreen/plugin';
import { folderKey } from './folder.js';

export const fileNotification = notificationKind({
  kind: 'files',
  summary: 'A line in notifications.jsonl.',
  schema: (base) => base.extend({ folder: folderKey }),
  create: ({ folder }) => ({
    async notify({ severity, text, target }, signal) {
      signal.throwIfAborted();
      await mkdir(folder, { recursive: true });
      const line = { severity, text, service: target.service, version: target.green };
      await appendFile(join(folder, 'notifications.jsonl'), `${JSON.stringify(line)}\n`);
    },
  }),
});

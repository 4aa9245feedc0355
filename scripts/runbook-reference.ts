import { writeFile } from 'node:fs/promises';
import { REFERENCE } from './reference/files.ts';

/** `npm run docs`: writes what is generated from the schemas of runbooks and reports. */
for (const [file, text] of Object.entries(REFERENCE)) {
  await writeFile(new URL(`../${file}`, import.meta.url), text());
  process.stdout.write(`${file}\n`);
}

import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { PACKAGES } from '../../src/sandbox/packages.ts';

test('people are asked to install the versions that are tested here', async () => {
  const { devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as {
    devDependencies: Readonly<Record<string, string>>;
  };
  for (const [name, version] of Object.entries(PACKAGES)) expect(devDependencies[name]).toMatch(version);
  const command = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  expect(await readFile('docs/demo.md', 'utf8')).toContain(`npm install ${command.join(' ')}\n`);
});

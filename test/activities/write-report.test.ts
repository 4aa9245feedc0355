import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { buildReport } from '../../src/domain/report.ts';
import { reportSchema } from '../../src/report/schema.ts';
import { rolledBackStatus } from '../report/support.ts';
import { run } from './support/attempt.ts';
import { useScenes } from './support/scene.ts';

const setScene = useScenes();
const report = buildReport(rolledBackStatus());

test('the report is written in three forms, and the answer says where', async () => {
  const { activities, target, production } = await setScene();
  const { deployment } = target;
  const { where } = await run(activities.writeReport, { deployment, report });
  expect(where).toMatch(/^reports\/production\/service-\w+\/run-1$/);
  const read = (name: string) => readFile(join(production.env['BLUEGREEN_STATE'] ?? '', where, name), 'utf8');
  expect(reportSchema.parse(JSON.parse(await read('report.json')))).toMatchObject({
    deployment,
    outcome: 'rolled-back',
  });
  expect(await read('report.html')).toMatch(/^<!doctype html>/);
  expect(await read('report.md')).toMatch(/^# ✘ shop 2\.5\.0 to production: rolled back/);
});

test('a worker that may not write there says so', async () => {
  const { activities, target, production } = await setScene();
  await writeFile(join(production.env['BLUEGREEN_STATE'] ?? '', 'reports'), 'no folder');
  const { deployment } = target;
  await expect(run(activities.writeReport, { deployment, report })).rejects.toThrow(/EEXIST|ENOTDIR/);
});

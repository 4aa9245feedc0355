import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { until } from '../checks/support/context.ts';
import { begin, run } from './support/attempt.ts';
import { useScenes } from './support/scene.ts';

const scene = useScenes();
const program = fileURLToPath(new URL('../support/little-command.mjs', import.meta.url));
const command = (name: string) => [process.execPath, program, name, '{version}'];
const item = { id: 'item', title: 'Item', group: 'Group', kind: 'command', command: command('check') };
const mendable = (remedy: object = {}) => ({
  checklist: [{ ...item, remedy: { command: command('fix'), env: ['LITTLE_PRODUCTION'], ...remedy } }],
});

test('a remedy runs under an operation id of its own, and what it said is kept', async () => {
  const { production, activities, target } = await scene(mendable());
  const result = await run(activities.runRemedy, { target, checkId: 'item' }, { attempt: 2 });
  expect(result).toMatchObject({ done: true, summary: 'the command ended with exit code 0' });
  expect(result.output).not.toBe('');
  expect(result.startedAt + result.durationMs).toBeLessThanOrEqual(Date.now());
  expect(production.audit).toEqual([
    { command: 'fix', argument: '2.5.0', operation: `${target.deployment}/remedy-item`, attempt: 2 },
  ]);
});

test('a remedy that fails, hangs or is not there is a value that says so', async () => {
  const { production, activities, target } = await scene(mendable());
  production.misbehave('fix', 'fail');
  expect(await run(activities.runRemedy, { target, checkId: 'item' })).toMatchObject({
    done: false,
    summary: 'the command ended with exit code 3',
    output: expect.stringContaining('the platform says no'),
  });
  const short = await scene(mendable({ timeout: '1s' }));
  short.production.misbehave('fix', 'hang');
  expect(await run(short.activities.runRemedy, { target: short.target, checkId: 'item' })).toMatchObject({
    done: false,
    summary: expect.stringContaining('did not end within 1 s'),
  });
  const none = await scene(mendable({ command: ['no-such-program'] }));
  expect(await run(none.activities.runRemedy, { target: none.target, checkId: 'item' })).toMatchObject({
    done: false,
    summary: expect.stringContaining('no-such-program'),
  });
});

test('a secret in what a remedy prints is not kept', async () => {
  const print = `console.log('connected to postgres://ana:hunter2hunter2@db/app')`;
  const { activities, target } = await scene(mendable({ command: [process.execPath, '-e', print] }));
  const result = await run(activities.runRemedy, { target, checkId: 'item' });
  expect(result.output).toContain('connected to');
  expect(JSON.stringify(result)).not.toContain('hunter2');
});

test('a check without a remedy has none to run', async () => {
  const { activities, target } = await scene({ checklist: [item] });
  await expect(run(activities.runRemedy, { target, checkId: 'item' })).rejects.toMatchObject({
    type: 'InvalidRequest',
    nonRetryable: true,
  });
});

test('a remedy that is ended is cancelled and not failed', async () => {
  const { production, activities, target } = await scene(mendable());
  production.misbehave('fix', 'hang');
  const { result, cancel } = begin(activities.runRemedy, { target, checkId: 'item' });
  await until(() => production.asked('fix') > 0);
  cancel();
  await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
});

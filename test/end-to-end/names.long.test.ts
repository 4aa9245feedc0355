import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { blueGreenDeployment } from '../../src/workflows/blue-green.ts';
import { useCommandLine } from '../cli/command-line.ts';
import { eventually } from '../processes/support.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { observe, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const temporal = useTemporal();
const bluegreen = useCommandLine();

test('a service with a team, capitals, dots and underscores in its name is deployed by that name', async () => {
  const service = `Team_A/${uniqueService()}.v2`;
  const environment = 'EU/prod_1';
  const workflowId = `blue-green/EU~prod_1/${service.replace('/', '~')}`;
  const production = await startLittleProduction(service, { environment, checklist: [] });
  const taskQueue = uniqueQueue();
  const worker = startWorkerProcess(taskQueue, production.env);
  const said = async (...words: string[]) => {
    const address = words[0] === 'start' || words[0] === 'link' ? ['--version', '2.5.0'] : [];
    const command = [...words, '--service', service, '--environment', environment, ...address];
    const { exitCode, out, err } = await bluegreen(command, { BLUEGREEN_TASK_QUEUE: taskQueue }).ended;
    expect({ words, exitCode, err }).toEqual({ words, exitCode: 0, err: '' });
    return out;
  };
  try {
    expect(await said('start')).toContain(`workflow  ${workflowId}`);
    const deployment = observe(temporal.client().workflow.getHandle<typeof blueGreenDeployment>(workflowId));
    await deployment.untilPhase('awaiting-approval');
    expect(await said('status')).toContain(service);
    expect(await said('link')).toContain(`/workflows/${encodeURIComponent(workflowId)}/`);
    await said('approve', '--by', 'ana');
    expect((await deployment.handle.result()).outcome).toBe('completed');
    expect(production.share()).toBe(1);

    const { runId } = await deployment.handle.describe();
    const state = production.env['BLUEGREEN_STATE'] ?? '';
    const folder = join(state, 'reports', 'EU~prod_1', service.replace('/', '~'), runId);
    expect(existsSync(join(folder, 'report.html'))).toBe(true);
    await eventually(async () => ((await said('history')).includes('2.5.0') ? true : undefined));
    expect(JSON.parse(await said('list', '--json'))).toMatchObject([{ service, environment, phase: 'completed' }]);
  } finally {
    await worker.kill('SIGKILL');
    await production.stop();
  }
});

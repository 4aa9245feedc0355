import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { deploymentWorkflowId } from '../../src/domain/plan.ts';
import { type LocalServer, startLocalServer } from '../../src/local-temporal/index.ts';
import * as messages from '../../src/workflows/messages.ts';
import { useCommandLine } from '../cli/command-line.ts';
import { receiver } from '../notifications/support.ts';
import { eventually } from '../processes/support.ts';
import { describeWithChromium, keepPicture, useBrowser } from '../support/browser.ts';
import { useServers } from '../support/http.ts';
import { type LittleProduction, startLittleProduction } from '../support/little-production.ts';
import { type DeploymentHandle, observe, rolledBack, start } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';
import { type TemporalUi, useTemporalUi } from './support/temporal-ui.ts';

/** Temporal's own UI is enough to run a deployment: a real server with its UI, a real worker, a real browser. */
describeWithChromium("Temporal's UI", () => {
  const openPage = useBrowser();
  const bluegreen = useCommandLine();
  const serve = useServers();
  let server: LocalServer;
  let connection: Connection;
  let client: Client;

  beforeAll(async () => {
    server = await startLocalServer({ ui: true });
    connection = await Connection.connect({ address: server.address });
    client = new Client({ connection });
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  });

  interface Scene extends TemporalUi {
    readonly production: LittleProduction;
    readonly handle: DeploymentHandle;
    readonly taskQueue: string;
    /** What the command line needs in its environment. */
    readonly settings: Readonly<Record<string, string>>;
    /** The links that `bluegreen link` prints, in their order, and the input. */
    link(): Promise<{ readonly links: readonly string[]; readonly input: string }>;
  }

  async function scene(
    service: string,
    changes: Record<string, unknown>,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<Scene> {
    const taskQueue = `bluegreen-${service}`;
    const production = await startLittleProduction(service, changes);
    cleanUps.push(() => production.stop());
    const temporal = { TEMPORAL_ADDRESS: server.address, TEMPORAL_UI_ADDRESS: server.uiUrl ?? '' };
    const worker = startWorkerProcess(taskQueue, { ...production.env, ...temporal, ...variables });
    cleanUps.push(() => worker.kill('SIGKILL'));
    const settings = { ...temporal, BLUEGREEN_TASK_QUEUE: taskQueue };
    return {
      ...useTemporalUi(await openPage()),
      production,
      taskQueue,
      settings,
      handle: client.workflow.getHandle(deploymentWorkflowId(service)),
      link: async () => {
        const words = ['link', '--service', service, '--version', '2.5.0', '--by', 'ana'];
        const { out } = await bluegreen(words, settings).ended;
        return {
          links: [...out.matchAll(/^ {2}(http.*)$/gm)].map(([, link = '']) => link),
          input: out.match(/^\{\n[^]*?^\}$/m)?.[0] ?? '',
        };
      },
    };
  }

  /** Started without the form, soaking at 50 %, with the details on the page. */
  async function soaking({ page, handle, taskQueue, production, tab }: Scene): Promise<void> {
    const begun = await start(client, taskQueue, { service: production.service, version: '2.5.0' });
    cleanUps.push(() => begun.terminate('the test is over').catch(() => {}));
    await observe(begun).untilPhase('checking');
    await handle.signal(messages.attest, { check: 'load-test', by: 'ben' });
    await observe(begun).untilPhase('soaking');
    await page.goto(`${server.uiUrl}/namespaces/default/workflows/${encodeURIComponent(handle.workflowId)}`);
    await tab('User Metadata');
  }

  test('a deployment is started from the linked form, followed, approved by signal and completed', async () => {
    const deployment = await scene('recommendation', {
      traffic: [
        { percentage: 50, soak: '12s', approval: {} },
        { percentage: 100, soak: '2s' },
      ],
    });
    const { page, tab, untilDetails, untilStatus, message, offered, link } = deployment;
    const { links, input } = await link();
    const [form = '', newest = ''] = links;
    const field = (name: string) => page.getByRole('textbox', { name, exact: true });

    const queue = page.getByText(/^Task Queue is /);
    for (await page.goto(form); (await queue.innerText()) !== 'Task Queue is Active'; ) await page.reload();
    expect(await field('Workflow ID').inputValue()).toBe('blue-green/production/recommendation');
    expect(await field('Task Queue').inputValue()).toBe(deployment.taskQueue);
    expect(await field('Workflow Type').inputValue()).toBe('blueGreenDeployment');
    await field('Data').fill(input);
    await keepPicture(page, 'ui-start');
    await page.getByRole('button', { name: 'Start Workflow' }).click();
    await page.getByText('Workflow started successfully').first().waitFor();
    await page.getByRole('button', { name: 'Start Workflow' }).click();
    await page.getByRole('link', { name: 'View the running workflow' }).waitFor();

    await page.goto(newest);
    await untilStatus('Running');
    await tab('Event History');
    for (const summary of ['resolve the runbook', 'Testing has to pass'])
      await page.getByText(summary).first().waitFor();
    await tab('Search Attributes');
    await page.getByText('"checking"').waitFor();
    await tab('User Metadata');
    await untilDetails('{"action":"attest","check":"load-test","by":""}');

    const signals = await offered('signal');
    for (const [name, description] of Object.entries(messages.DESCRIPTION))
      if (name !== 'status' && name !== 'decide') expect(signals).toContain(`${name}\n${description}`);
    const attest = await message('signal', 'attest', '{"check":"load-test","by":"ben"}');
    await attest.getByRole('button', { name: 'Submit' }).click();
    await page.getByText('Workflow signaled').first().waitFor();

    const soak = await untilDetails(
      /Soak at 50 %, (until|proven healthy at) .* UTC\s+.*healthy( so far)?: green failed 0 of/,
    );
    expect(soak).toContain('Green has 50 % of the traffic; blue is 2.4.0.');
    expect(soak).toMatch(/attested by ben: Conduct load testing/);
    await keepPicture(page, 'ui-soak');

    const under = await link();
    expect(under.links).toHaveLength(3);
    await page.goto(under.links.at(-1) ?? '');
    await page.getByText('watchWindow • watch at 50 %').first().waitFor();
    await page.getByText('shiftTraffic • shift to 50 %').waitFor();
    await page.getByText('deployGreen • deploy 2.5.0 at 0 %').waitFor();

    await tab('User Metadata');
    await untilDetails('Waits for 1 approval for shift-to-100');
    await keepPicture(page, 'ui-gate');
    const approve = await message('signal', 'approve', '{"by":"ana","gate":"shift-to-100"}');
    await keepPicture(approve, 'ui-approve');
    await approve.getByRole('button', { name: 'Submit' }).click();
    await untilStatus('Completed');
    await untilDetails('recommendation 2.5.0 serves all traffic in production and kept its limits to the end.');

    // The next one is not filled in with what this one was, nor with the phase in which it ended.
    await page.goto(form, { waitUntil: 'networkidle' });
    expect((await field('Data').innerText()).trim()).toBe('');
    expect(await page.getByText('BlueGreenPhase').count()).toBe(0);
  });

  test('an update is refused with the reason, or taken; a breach is told by the failure alone', async () => {
    const deployment = await scene('checkout', {
      traffic: [
        { percentage: 50, soak: '2s', approval: {} },
        { percentage: 100, soak: '30s' },
      ],
    });
    const { page, tab, untilDetails, untilStatus, message, offered, handle, production } = deployment;
    await soaking(deployment);
    const gate = await untilDetails('Waits for 1 approval for shift-to-100');
    const [answer = ''] = gate.match(/\{"action":"approve".*\}/) ?? [];
    const waiting = new URLSearchParams({ query: 'BlueGreenPhase="awaiting-approval"' });
    await page.goto(`${server.uiUrl}/namespaces/default/workflows?${waiting.toString()}`);
    await page.getByRole('link', { name: 'blue-green/production/checkout' }).first().click();
    await tab('User Metadata');

    expect(await offered('update')).toContain(`decide\n${messages.DESCRIPTION.decide}`);
    const form = await message('update', 'decide', answer);
    const submit = form.getByRole('button', { name: 'Submit' });
    await submit.click();
    await form.getByText('approve: by is "", expected a text of 1 to 200 characters').waitFor();
    const data = form.getByRole('textbox', { name: 'Data' });
    await data.fill('{"action":"approve","by":"ana","gate":"shift-to-50"}');
    await data.blur();
    await submit.click();
    await form.getByRole('alert').getByText('the open gate is shift-to-100, not shift-to-50').waitFor();
    expect(await form.innerText()).not.toContain('.ts:');
    await keepPicture(form, 'ui-refused');
    await data.fill(answer.replace('"by":""', '"by":"ana"'));
    await data.blur();
    await submit.click();
    await page.getByText('Update successful').first().waitFor();

    await untilDetails('Green has 100 % of the traffic');
    production.fail('2.5.0', 0.5);
    await untilDetails(/Rollback \(round 1\)/);
    await untilStatus('Failed');
    const { message: told } = await rolledBack(handle);
    expect(told).toMatch(
      /^checkout 2\.5\.0 was rolled back to 2\.4\.0: green failed [\d,]+ of [\d,]+ requests .*the limit is 5 %.* Recovery took \d+\.\d s \(target 90\.0 s\)\.$/,
    );
    await untilDetails(told);
    await tab('Timeline');
    await page.getByText(told.slice(0, 50)).first().waitFor();
    await keepPicture(page, 'ui-rolled-back');
  });

  test('a cancellation that is requested in the UI rolls back first, in sight, and closes as cancelled', async () => {
    const deployment = await scene('search', {
      traffic: [
        { percentage: 50, soak: '60s', approval: {} },
        { percentage: 100, soak: '2s' },
      ],
      watch: { window: '60s' },
    });
    const { page, tab, untilDetails, untilStatus, handle, production } = deployment;
    await soaking(deployment);
    await untilDetails('Green has 50 % of the traffic');
    await tab('Pending Activities');
    await page.getByText('"requests"').first().waitFor();
    await tab('User Metadata');
    production.misbehave('rollback', 'fail');

    await page.getByRole('button', { name: 'Request Cancellation' }).click();
    const question = page.getByRole('dialog', { name: 'Cancel Workflow' });
    await question.getByRole('button', { name: 'Confirm' }).click();
    await untilDetails(/Rollback \(round \d+\): not recovered yet\s+Cancelled while soaking\.\s+Problem: /);
    production.misbehave('rollback', 'well');
    await untilStatus('Canceled');
    const outcome = 'search 2.5.0 was rolled back to 2.4.0: Cancelled while soaking. Recovery took';
    await untilDetails(outcome);
    expect(production.share()).toBe(0);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  test('nobody touches a terminal: CI starts it, chat says what is asked, its links lead to the forms, and the report is a page', async () => {
    const chat = receiver(() => ({}));
    const { origin } = await serve(chat.listener);
    const deployment = await scene(
      'payments',
      {
        traffic: [
          { percentage: 50, soak: '3s', approval: { notRequester: true } },
          { percentage: 100, soak: '3s' },
        ],
        notifications: [{ kind: 'slack', urlEnv: 'CHAT', events: ['all'] }],
      },
      { CHAT: `${origin}/services/hunter2` },
    );
    const { page, tab, untilStatus, message, handle, production, settings } = deployment;
    /** What chat got, once it got this, with the link that people click. */
    const said = async (words: string): Promise<string> => {
      const found = await eventually(async () =>
        chat.received.map(({ body }) => JSON.stringify(body)).find((one) => one.includes(words)),
      );
      return /<(http[^|]+)\|/.exec(found)?.[1] ?? 'no link';
    };
    /** Follows the link of a message to the workflow, and sends a signal there. */
    const answer = async (link: string, signal: string, data: string): Promise<void> => {
      await page.goto(link);
      await untilStatus('Running');
      await tab('User Metadata');
      const form = await message('signal', signal, data);
      await form.getByRole('button', { name: 'Submit' }).click();
      await page.getByText('Workflow signaled').first().waitFor();
    };

    const words = ['start', '--service', 'payments', '--version', '2.5.0', '--by', 'ci', '--reason', 'build 4711'];
    await bluegreen(words, settings).ended;
    await said('Deploying payments 2.5.0 to production, requested by ci: build 4711.');
    await answer(await said('waits for people'), 'attest', '{"check":"load-test","by":"ben"}');
    await answer(await said('waits for approval'), 'approve', '{"by":"ana","gate":"shift-to-100"}');
    await said('ana approved shift-to-100 of payments 2.5.0');
    await said('payments 2.5.0 serves all traffic in production and kept its limits to the end.');
    expect(await handle.result()).toMatchObject({ outcome: 'completed', requestedBy: 'ci' });

    const { report } = await eventually(async () => {
      const status = await handle.query(messages.status);
      return status.report && { report: status.report };
    });
    const { where } = report as { readonly where: string };
    await page.goto(`file://${production.env['BLUEGREEN_STATE']}/${where}/report.html`);
    await page.getByText('kept its limits to the end').first().waitFor();
    await page.getByText('The gate shift-to-100 was approved by ana').first().waitFor();
  });
});

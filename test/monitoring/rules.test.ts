import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { METRICS } from '../../src/domain/deployment-metrics.ts';
import { freePort } from '../../src/sandbox/program.ts';
import * as messages from '../../src/workflows/messages.ts';
import { startLittleProduction } from '../support/little-production.ts';
import { dashboard, expressionsOf, type RuleFile } from '../support/monitoring.ts';
import { readPage, valueOf } from '../support/page.ts';
import { PATIENCE_MS } from '../support/patience.ts';
import { describeWithPrometheus, promtool, startPrometheus } from '../support/prometheus.ts';
import { observe, start, uniqueQueue, uniqueService, useTemporal } from '../support/temporal.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const temporal = useTemporal();

let folder: string;
let rules: RuleFile;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-rules-'));
  rules = parse(await readFile('monitoring/alerts.yaml', 'utf8')) as RuleFile;
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test('each alert says what happened, what to do, and where to read on', async () => {
  const page = await readFile('docs/operating.md', 'utf8');
  const anchors = [...page.matchAll(/^## (.+)$/gm)].map(
    ([, title = '']) => `docs/operating.md#${title.toLowerCase().replaceAll(' ', '-')}`,
  );
  const alerts = rules.groups.flatMap((group) => group.rules).filter(({ alert }) => alert !== undefined);
  expect(alerts.map(({ alert }) => alert)).toEqual([
    'BlueGreenRollbackStalled',
    'BlueGreenWorkflowTaskFailures',
    'BlueGreenNoWorker',
    'BlueGreenNotWatched',
    'BlueGreenWorkersBehind',
    'BlueGreenRolledBack',
    'BlueGreenGateTimesOut',
  ]);
  for (const { annotations } of alerts) {
    expect(Object.keys(annotations ?? {})).toEqual(['summary', 'description', 'runbook_url']);
    expect(anchors).toContain(annotations?.['runbook_url']);
  }
});

test('docs/monitoring.md has every metric with its labels, and every alert', async () => {
  const page = await readFile('docs/monitoring.md', 'utf8');
  const metrics = Object.values(METRICS).map(({ name, kind, labels }) =>
    [kind === 'counter' ? `${name}_total` : name, kind, labels.map((label) => `\`${label}\``).join(', ')].join(' '),
  );
  const documented = [...page.matchAll(/^\| `(bluegreen_\w+)` +\| (\w+) +\| (.*?) *\|/gm)];
  expect(new Set(documented.map(([, ...cells]) => cells.join(' ')))).toEqual(new Set(metrics));
  for (const { alert } of rules.groups.flatMap((group) => group.rules))
    if (alert !== undefined) expect(page).toContain(`| \`${alert}\``);
});

test('the dashboard can be imported: ids are unique, panels do not overlap, the Prometheus is a variable', async () => {
  const { panels, schemaVersion, templating, uid } = await dashboard();
  expect(uid).toBe('bluegreen');
  expect(schemaVersion).toBe(39);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(templating.list.find(({ name }) => name === 'datasource')?.type).toBe('datasource');
  for (const { title, type, datasource, targets = [], gridPos } of panels) {
    if (type === 'row') continue;
    const sources = [datasource, ...targets.map((target) => target.datasource)];
    expect([title, ...new Set(sources.map((source) => source?.uid))]).toEqual([title, '${datasource}']);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  }
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

describeWithPrometheus('with promtool and Prometheus', () => {
  test('the rules are valid', async () => {
    await promtool(['check', 'rules', 'monitoring/alerts.yaml']);
  });

  test('each alert fires when it should, and not when it should not', async () => {
    await copyFile('monitoring/alerts.yaml', join(folder, 'alerts.yaml'));
    await copyFile('test/monitoring/alerts.promtool.yaml', join(folder, 'tests.yaml'));
    await promtool(['test', 'rules', 'tests.yaml'], folder);
    const tested = await readFile(join(folder, 'tests.yaml'), 'utf8');
    for (const { alert } of rules.groups.flatMap((group) => group.rules))
      if (alert !== undefined) expect(tested).toMatch(new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`));
  });

  test('every expression of the dashboard is PromQL', async () => {
    const recorded = expressionsOf(await dashboard()).map((expr, number) => ({ record: `expression:${number}`, expr }));
    expect(recorded.length).toBeGreaterThan(15);
    const file = join(folder, 'dashboard.json');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    await promtool(['check', 'rules', file]);
  });

  test('a real Prometheus: the dashboard shows a deployment that was rolled back, and the alerts tell of it and of no worker', async () => {
    const service = uniqueService();
    const taskQueue = uniqueQueue();
    const address = `127.0.0.1:${await freePort()}`;
    const text = await readFile('monitoring/alerts.yaml', 'utf8');
    const adapted = text
      .replaceAll('task_queue="bluegreen"', `task_queue="${taskQueue}"`)
      .replace('for: 2m', 'for: 1s');
    const [production, prometheus] = await Promise.all([
      startLittleProduction(service, { checklist: [] }),
      startPrometheus({ targets: [{ address }], rules: adapted }),
    ]);
    const worker = startWorkerProcess(taskQueue, { ...production.env, BLUEGREEN_METRICS: address });
    const ask = async (
      query: string,
    ): Promise<readonly { metric: Record<string, string>; value: [number, string] }[]> => {
      const response = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`);
      const { status, data, error } = (await response.json()) as {
        status: string;
        error?: string;
        data: { result: [] };
      };
      expect({ query, status, error }).toEqual({ query, status: 'success', error: undefined });
      return data.result;
    };
    const until = async (query: string): Promise<void> => {
      const deadline = Date.now() + PATIENCE_MS;
      while ((await ask(query)).length === 0) {
        if (Date.now() > deadline) throw new Error(`no answer in time to ${query}`);
        await delay(200);
      }
    };
    try {
      const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
      await observe(handle).untilPhase('awaiting-approval');
      await handle.signal(messages.reject, { by: 'ana', reason: 'not today' });
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'DeploymentRolledBack' } });

      await until(`bluegreen:phase_since:current{service="${service}", phase="rolled-back"}`);
      await until(
        `ALERTS{alertname="BlueGreenRolledBack", service="${service}", cause="rejected", alertstate="firing"}`,
      );
      expect(await ask('ALERTS{alertname!="BlueGreenRolledBack", alertstate="firing"}')).toEqual([]);

      const answers = await Promise.all(
        expressionsOf(await dashboard()).map(async (query) => [query, await ask(query)] as const),
      );
      // No code failed to fit a history here, and what takes a rate needs more samples than there are yet.
      const empty = answers.filter(([query, answer]) => answer.length === 0 && !query.includes('rate('));
      expect(empty.map(([query]) => query)).toEqual([]);
      const [outcomes] = answers.find(([query]) => query.includes('bluegreen_deployments_total'))?.[1] ?? [];
      const shown = valueOf(await readPage(address), 'bluegreen_deployments_total');
      expect(shown).toBeGreaterThan(0);
      expect([outcomes?.metric, Number(outcomes?.value[1])]).toEqual([{ outcome: 'rolled-back' }, shown]);

      await worker.kill('SIGKILL');
      await until('ALERTS{alertname="BlueGreenNoWorker", alertstate="firing"}');
    } finally {
      await worker.kill('SIGKILL');
      await prometheus.stop();
      await production.stop();
    }
  });
});

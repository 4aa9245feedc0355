import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from '../processes/index.ts';
import { type Program, startProgram } from './program.ts';

/** The sandbox's alerts: a Prometheus that scrapes the router, and an Alertmanager; both the machine's own programs. */
export interface Monitoring {
  readonly url: string;
  /** Prometheus goes away, and comes back at the same address with what it had. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** The programs' paths: from PROMETHEUS_PATH and ALERTMANAGER_PATH, else from the PATH; undefined if one is missing. */
export async function findMonitoring(
  env: NodeJS.ProcessEnv,
): Promise<{ readonly prometheus: string; readonly alertmanager: string } | undefined> {
  const prometheus = await firstOf([env['PROMETHEUS_PATH'] ?? 'prometheus'], env);
  const alertmanager = await firstOf(
    env['ALERTMANAGER_PATH'] ? [env['ALERTMANAGER_PATH']] : ['alertmanager', 'prometheus-alertmanager'],
    env,
  );
  return prometheus && alertmanager ? { prometheus, alertmanager } : undefined;
}

/** @throws when one does not start; nothing is left running. */
export async function startMonitoring(options: {
  readonly programs: { readonly prometheus: string; readonly alertmanager: string };
  readonly directory: string;
  /** Of the router: `127.0.0.1:18080`. */
  readonly target: string;
  readonly port: number;
}): Promise<Monitoring> {
  const directory = join(options.directory, 'monitoring');
  await mkdir(directory, { recursive: true });
  const file = (name: string): string => join(directory, name);
  await writeFile(file('alertmanager.json'), JSON.stringify(ALERTMANAGER));
  await writeFile(file('rules.yaml'), RULES);
  const alertmanager = await startProgram({
    program: options.programs.alertmanager,
    directory,
    port: 0,
    readyPath: '/-/ready',
    args: (address) => [
      `--config.file=${file('alertmanager.json')}`,
      `--storage.path=${file('alertmanager')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
  });
  try {
    await writeFile(
      file('prometheus.json'),
      JSON.stringify(configFor(options.target, alertmanager, file('rules.yaml'))),
    );
    const startPrometheus = (port: number): Promise<Program> =>
      startProgram({
        program: options.programs.prometheus,
        directory,
        port,
        readyPath: '/-/ready',
        args: (address) => [
          `--config.file=${file('prometheus.json')}`,
          `--storage.tsdb.path=${file('prometheus')}`,
          `--web.listen-address=${address}`,
          '--log.level=warn',
        ],
      });
    let prometheus = await startPrometheus(options.port);
    const { url } = prometheus;
    await foundAlertmanager(url).catch(async (error: unknown) => {
      await prometheus.stop();
      throw error;
    });
    return {
      url,
      pause: () => prometheus.stop(),
      async resume() {
        prometheus = await startPrometheus(Number(new URL(url).port));
      },
      async stop() {
        await prometheus.stop();
        await alertmanager.stop();
      },
    };
  } catch (error) {
    await alertmanager.stop();
    throw error;
  }
}

const FOUND_WITHIN_MS = 20_000;

/** Prometheus looks for Alertmanagers a few seconds after it is ready; until then an alert would reach nobody. */
async function foundAlertmanager(url: string): Promise<void> {
  for (const until = Date.now() + FOUND_WITHIN_MS; Date.now() < until; await delay(100)) {
    const answer = await fetch(`${url}/api/v1/alertmanagers`);
    const { data } = (await answer.json()) as { data: { activeAlertmanagers: unknown[] } };
    if (data.activeAlertmanagers.length > 0) return;
  }
  throw new Error('Prometheus did not find its Alertmanager');
}

/** JSON is YAML. */
function configFor(target: string, alertmanager: Program, rules: string): object {
  return {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '2s' },
    rule_files: [rules],
    scrape_configs: [
      { job_name: 'router', static_configs: [{ targets: [target], labels: { service: 'recommendation' } }] },
    ],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager.address] }] }] },
  };
}

const ALERTMANAGER = { route: { receiver: 'on-call' }, receivers: [{ name: 'on-call' }] };

/** The guide's two thresholds. A minute of grace: a fault that was rolled back is no alert for the next release. */
const RULES = `
groups:
  - name: recommendation
    rules:
      - alert: RecommendationFails
        for: 1m
        labels: { service: recommendation }
        expr: |
          sum by (version) (rate(http_requests_total{service="recommendation", code=~"5.."}[30s]))
            / sum by (version) (rate(http_requests_total{service="recommendation"}[30s])) > 0.05
      - alert: RecommendationIsSlow
        for: 1m
        labels: { service: recommendation }
        expr: |
          histogram_quantile(0.95, sum by (version, le) (
            rate(http_request_duration_seconds_bucket{service="recommendation"}[30s]))) > 0.5
`;

async function firstOf(names: readonly string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const name of names) {
    const found = await findProgram(name, env['PATH']);
    if (found !== undefined) return found;
  }
  return undefined;
}

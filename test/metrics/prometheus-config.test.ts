import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { validate } from '../../src/runbook/problems.ts';
import { metricsSchema } from './support/counters.ts';

const read = (yaml: string) => metricsSchema.parse(parse(yaml));
/** `path: message` of each mistake. */
function mistakes(yaml: string): string[] {
  const result = validate(metricsSchema, parse(yaml));
  return 'problems' in result ? result.problems.map(({ path, message }) => `${path}: ${message}`) : [];
}

const SHORT = `
kind: prometheus
url: https://prometheus.example/select/0/prometheus
requests: http_requests_total
`;

test('a runbook needs no more than the address, the labels and the counter', () => {
  expect(read(`${SHORT}selector: { service: shop }`)).toEqual({
    kind: 'prometheus',
    url: 'https://prometheus.example/select/0/prometheus',
    selector: [{ label: 'service', operator: '=', value: 'shop' }],
    requests: 'http_requests_total',
    codeLabel: 'code',
    failed: 'status',
    poll: 15_000,
    timeout: 5_000,
    headers: {},
  });
});

test('and can say all of this', () => {
  const config = read(`${SHORT}
selector: '{service="shop", path!~"/health.*", replica="a"}'
latency: http_request_duration_seconds
versionLabel: app_version
codeLabel: status
poll: 5s
timeout: 3s
auth: { basicEnv: SHOP_LOGIN }
headers: { X-Scope-OrgID: { env: SHOP_TENANT }, X-Team: shop }
caFile: /etc/ssl/house.pem
`);
  expect(config).toMatchObject({
    selector: [
      { label: 'service', operator: '=', value: 'shop' },
      { label: 'path', operator: '!~', value: '/health.*' },
      { label: 'replica', operator: '=', value: 'a' },
    ],
    auth: { basicEnv: 'SHOP_LOGIN' },
    headers: { 'X-Scope-OrgID': { env: 'SHOP_TENANT' }, 'X-Team': 'shop' },
  });
});

describe('mistakes', () => {
  test.each([
    ['no selector: every service would count', '', 'selector: missing, expected labels such as'],
    ['a selector that is none', 'selector: shop', 'selector: found "shop", expected labels such as'],
    ['half a selector', `selector: '{service="shop"'`, 'expected labels such as'],
    ['one version', 'selector: { version: 2.5.0 }', 'selector: found a condition on "version", expected none'],
    ['a metric with labels', 'selector: {}\nlatency: h{a="b"}', 'expected the name of a metric, without labels'],
    ['two ways to log in', 'selector: {}\nauth: { tokenEnv: A, basicEnv: B }', 'expected { tokenEnv: NAME }, or'],
    ['a login in a header', 'selector: {}\nheaders: { Authorization: abc }', 'use auth for this one'],
    ['a header of two lines', 'selector: {}\nheaders: { X-A: "a\\nb" }', 'expected text without blanks, or { env'],
    ['a key of the other kind', 'selector: {}\ntargets: [a]', 'unknown key "targets"'],
  ])('%s', (_name, yaml, message) => {
    expect(mistakes(`${SHORT}${yaml}`).join('\n')).toContain(message);
  });
});

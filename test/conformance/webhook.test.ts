import type { RequestListener } from 'node:http';
import { notifierConformance } from '../../src/testing/index.ts';
import { useServers } from '../support/http.ts';
import { registry } from '../support/registry.ts';
import { conform } from './conform.ts';

const SECRET = 'hunter2-token';
const serve = useServers();
let delivered = '';

async function notifier(listener: RequestListener) {
  const { origin } = await serve(listener);
  const env = { HOOK: `${origin}/${SECRET}` };
  const log = { info() {}, warn() {}, error() {} };
  const webhook = { kind: 'webhook', urlEnv: 'HOOK' };
  const [one] = registry.notifiers([webhook], { env, log });
  if (!one) throw new Error('there is one notifier');
  return one;
}

conform(
  'notification of kind webhook',
  notifierConformance({
    working: () =>
      notifier((request, response) => {
        request.on('data', (chunk) => (delivered += String(chunk)));
        request.on('end', () => response.writeHead(204).end());
      }),
    refusing: () => notifier((request, response) => response.writeHead(403).end(request.url)),
    hanging: () => notifier(() => {}),
    delivered: () => delivered,
    secrets: [SECRET, '127.0.0.1'],
  }),
);

import type { RequestListener } from 'node:http';
import type { NotificationConfig } from '../../src/runbook/kinds.ts';
import { notifierConformance } from '../../src/testing/index.ts';
import { useServers } from '../support/http.ts';
import { registry } from '../support/registry.ts';
import { useSmtpServers } from '../support/smtp.ts';
import { conform } from './conform.ts';

/** Every kind that is reached by HTTP or SMTP, as the runbook names it. */

const SECRET = 'hunter2-token';
const serve = useServers();
const serveMail = useSmtpServers();
const log = { info() {}, warn() {}, error() {} };

const KINDS: Readonly<Record<string, (origin: string) => Record<string, unknown>>> = {
  webhook: () => ({ urlEnv: 'HOOK' }),
  slack: () => ({ urlEnv: 'HOOK' }),
  'slack as a bot': (url) => ({ kind: 'slack', tokenEnv: 'TOKEN', channel: 'C024BE91L', url }),
  teams: () => ({ urlEnv: 'HOOK' }),
  pagerduty: (url) => ({ routingKeyEnv: 'TOKEN', url }),
  cloudevents: () => ({ urlEnv: 'HOOK', tokenEnv: 'TOKEN' }),
  cdevents: () => ({ urlEnv: 'HOOK', tokenEnv: 'TOKEN', artifact: 'pkg:oci/shop@{version}' }),
  github: (url) => ({ repository: 'shop/recommendation', tokenEnv: 'TOKEN', ref: 'v{version}', url }),
  gitlab: (url) => ({ project: 'shop/recommendation', tokenEnv: 'TOKEN', ref: 'v{version}', tag: true, url }),
};

function notifier(config: Record<string, unknown>, env: NodeJS.ProcessEnv) {
  const [one] = registry.notifiers([config as unknown as NotificationConfig], { env, log });
  if (!one) throw new Error('there is one notifier');
  return one;
}

/** What every receiver here answers, and more than each reads. */
const ANSWER = JSON.stringify({ ok: true, ts: '1700000000.000100', channel: 'C024BE91L', id: 7 });

for (const [name, configOf] of Object.entries(KINDS)) {
  let delivered = '';
  const at = async (listener: RequestListener) => {
    const { origin } = await serve(listener);
    return notifier({ kind: name, ...configOf(origin) }, { HOOK: `${origin}/${SECRET}`, TOKEN: SECRET });
  };
  conform(
    `notification of kind ${name}`,
    notifierConformance({
      working: () =>
        at((request, response) => {
          request.on('data', (chunk) => (delivered += String(chunk)));
          request.on('end', () => response.end(ANSWER));
        }),
      refusing: () =>
        at((request, response) => response.writeHead(403).end(`${request.url} ${request.headers.authorization}`)),
      hanging: () => at(() => {}),
      delivered: () => delivered,
      ...(name === 'gitlab' && { evidence: '"ref":"v2.5.0"' }),
      secrets: [SECRET, '127.0.0.1'],
    }),
  );
}

const MAIL = {
  kind: 'email',
  host: '127.0.0.1',
  encryption: 'none',
  from: 'deploy@shop.example',
  to: ['on-call@shop.example'],
};
const LOGIN = { userEnv: 'MAIL_USER', passwordEnv: 'MAIL_PASSWORD' };
const mails: string[] = [];
const mailer = async (options: Parameters<typeof serveMail>[0]) => {
  const { port } = await serveMail(options);
  return notifier({ ...MAIL, ...LOGIN, port }, { MAIL_USER: 'deploy', MAIL_PASSWORD: SECRET });
};
conform(
  'notification of kind email',
  notifierConformance({
    working: () => mailer({ login: ['deploy', SECRET], onMail: (mail) => mails.push(mail) }),
    refusing: () => mailer({ login: ['deploy', 'another password'] }),
    hanging: () => mailer({ silent: true }),
    delivered: () => mails.join('\n'),
    secrets: [SECRET, '127.0.0.1', 'on-call@shop.example'],
  }),
);

/**
 * Renders docs/images/notifications.png: the messages that the kinds send, in the layout of Slack, Teams and a mail program. Run it
 * after a change of their texts: `node --import tsx scripts/notification-pictures.ts` (needs chromium).
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { SMTPServer } from 'smtp-server';
import { registryWith } from '../src/built-in.ts';
import type { NotificationMessage } from '../src/plugin/index.ts';
import { findProgram } from '../src/processes/index.ts';

const PICTURE = fileURLToPath(new URL('../docs/images/notifications.png', import.meta.url));

const deployment = 'blue-green/production/recommendation/6b1f';
const base: Omit<NotificationMessage, 'event' | 'text'> = {
  key: `${deployment}/41`,
  severity: 'info',
  greenPercentage: 50,
  link: 'https://temporal.example.com/namespaces/default/workflows/blue-green%2Fproduction%2Frecommendation/6b1f',
  target: {
    deployment,
    service: 'recommendation',
    environment: 'production',
    blue: '2.4.0',
    green: '2.5.0',
    digest: '',
  },
  keepReference() {},
};
const message: NotificationMessage = {
  ...base,
  event: 'gate-opened',
  text: 'recommendation 2.5.0 is healthy at 50 % and waits for approval.',
  command: 'bluegreen approve --service recommendation',
};
const stalled: NotificationMessage = {
  ...message,
  event: 'rollback-stalled',
  severity: 'critical',
  text: 'The rollback of recommendation 2.5.0 in production has stalled (round 1): the router does not answer. It tries again; retryRollback starts the next round at once.',
  command: 'bluegreen retry-rollback --service recommendation',
};

const started: NotificationMessage = {
  ...base,
  event: 'started',
  text: 'Deploying recommendation 2.5.0 to production, requested by ana: faster answers.',
  greenPercentage: 0,
};
const rollingBack: NotificationMessage = {
  ...message,
  event: 'rolling-back',
  severity: 'critical',
  text: 'recommendation 2.5.0 in production is rolled back: green has 312 of 4,020 requests with errors (7.76 %), the limit is 5 %.',
  command: 'bluegreen watch --service recommendation',
};
const rolledBack: NotificationMessage = {
  ...base,
  event: 'rolled-back',
  severity: 'warning',
  text: 'recommendation 2.5.0 was rolled back in 41 s; blue is proven healthy.',
  greenPercentage: 0,
};

interface Slack {
  readonly blocks: readonly {
    readonly text?: { readonly text: string };
    readonly elements?: readonly { readonly text: string }[];
  }[];
}
interface Teams {
  readonly attachments: readonly [
    {
      readonly content: {
        readonly body: readonly {
          readonly text: string;
          readonly weight?: string;
          readonly color?: string;
          readonly fontType?: string;
        }[];
      };
    },
  ];
}

const log = { info() {}, warn() {}, error() {} };

/** What a notifier of this kind posts for these messages, one after the other, and where to. */
async function posted<Body>(config: { kind: string }, sent: readonly NotificationMessage[]): Promise<Posted<Body>[]> {
  const all: Posted<Body>[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += String(chunk)));
    request.on('end', () => {
      all.push({ to: request.url ?? '', body: JSON.parse(text) as Body });
      response.end(JSON.stringify({ ok: true, ts: '1764412800.000100', channel: 'C024BE91L' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${portOf(server.address())}`;
  await notifyAll({ ...config, ...('tokenEnv' in config && { url }) }, sent, { HOOK: url, TOKEN: 'token' });
  server.close();
  return all;
}

interface Posted<Body> {
  readonly to: string;
  readonly body: Body;
}

/** The mails that are sent for these messages. */
async function mailed(sent: readonly NotificationMessage[]): Promise<string[]> {
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData: (stream, _session, callback) => {
      let mail = '';
      stream.on('data', (chunk) => (mail += String(chunk)));
      stream.on('end', () => {
        mails.push(mail);
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const to = { host: '127.0.0.1', port: portOf(server.server.address()), encryption: 'none' };
  const addresses = { from: 'bluegreen@example.com', to: ['on-call@example.com'] };
  await notifyAll({ kind: 'email', ...to, ...addresses }, sent, {});
  await new Promise<void>((resolve) => server.close(resolve));
  return mails;
}

async function notifyAll(
  config: { kind: string },
  sent: readonly NotificationMessage[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const [notifier] = registryWith().notifiers([config], { env, log });
  let reference: string | undefined;
  const keepReference = (kept: string): void => {
    reference = kept;
  };
  for (const one of sent)
    await notifier?.notify(
      { ...one, keepReference, ...(reference !== undefined && { reference }) },
      AbortSignal.timeout(5_000),
    );
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** As dots: few machines have a font with Slack's icons. */
const ICONS: Readonly<Record<string, string>> = {
  large_blue_circle: '<span style="color:#1d9bd1">●</span>',
  warning: '<span style="color:#ecb22e">▲</span>',
  rotating_light: '<span style="color:#e01e5a">▲</span>',
};

function slackHtml({ blocks }: Slack): string {
  const markup = (text: string) =>
    text
      .replace(/:(\w+):/g, (all, name: string) => ICONS[name] ?? all)
      .replace(/<(\S+?)\|([^>]+)>/g, '<a>$2</a>')
      .replace(/\*([^*]+)\*/g, '<b>$1</b>')
      .replaceAll('\n', '<br>')
      .replace(/`([^`]+)`/g, '<code>$1</code>');
  const lines = blocks.map(({ text, elements }) =>
    text
      ? `<p>${markup(text.text)}</p>`
      : `<small>${(elements ?? []).map((one) => markup(one.text)).join(' ')}</small>`,
  );
  return `<div class="slack"><b>bluegreen</b> <span class="app">APP</span> <small>10:24</small>${lines.join('')}</div>`;
}

function teamsHtml({ attachments: [{ content }] }: Teams): string {
  const lines = content.body.map(({ text, weight, color, fontType }) => {
    const style = `${weight === 'bolder' ? 'font-weight:600;' : ''}${color === 'attention' ? 'color:#c4314b;' : color === 'accent' ? 'color:#5b5fc7;' : ''}`;
    return `<p style="${style}">${fontType === 'monospace' ? `<code>${text}</code>` : text.replaceAll('\\', '')}</p>`;
  });
  return `<div class="teams">${lines.join('')}<span class="button">Open the deployment</span></div>`;
}

/** The parts of a mail that a mail program shows. */
function mailHtml(mail: string): string {
  const [head = '', ...body] = mail.split('\r\n\r\n');
  const shown = head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .filter((line) => /^(From|To|Subject):/.test(line));
  const text = body.join('\n\n').replace(/=\r\n/g, '').replaceAll('=3D', '=').trim();
  return `<div class="mail"><small>${shown.map(escapeHtml).join('<br>')}</small><pre>${escapeHtml(text)}</pre></div>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const STYLE = `body{font:15px system-ui,sans-serif;margin:24px;width:900px;background:#fff;color:#1d1c1d}h3{margin:22px 0 6px;font-size:14px;color:#616061}
p{margin:4px 0}small{color:#616061}.app{background:#ddd;border-radius:2px;font-size:10px;padding:1px 3px}code{background:#f4f4f4;border:1px solid #ddd;border-radius:3px;padding:1px 4px;font-size:12px}
a{color:#1264a3}.slack{padding:8px 0;border-bottom:1px solid #eee}.replies{margin-left:36px;border-left:3px solid #ddd;padding-left:14px}.teams,.mail{border:1px solid #ddd;border-radius:6px;padding:12px 14px;margin:8px 0;box-shadow:0 1px 3px #0002}
pre{white-space:pre-wrap;font:13px ui-monospace,monospace;margin:10px 0 0}.button{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:4px 12px;margin-top:6px;font-size:13px}`;

const webhook = await posted<Slack>({ kind: 'slack', urlEnv: 'HOOK' } as { kind: string }, [message, stalled]);
const bot = await posted<Slack & { readonly thread_ts?: string }>(
  { kind: 'slack', tokenEnv: 'TOKEN', channel: 'C024BE91L' } as { kind: string },
  [started, message, rollingBack, rolledBack],
);
const thread = bot.findLast(({ to }) => to.endsWith('/chat.update'));
const replies = bot.filter(({ body }) => body.thread_ts !== undefined);
const [card] = await posted<Teams>({ kind: 'teams', urlEnv: 'HOOK' } as { kind: string }, [stalled]);
const [mail = ''] = await mailed([stalled]);
const html = [
  `<!doctype html><meta charset="utf-8"><style>${STYLE}</style>`,
  `<h3>Slack, with a bot: the first message always shows the state, its thread what happened</h3>`,
  thread ? slackHtml(thread.body) : '',
  `<div class="replies">${replies.map(({ body }) => slackHtml(body)).join('')}</div>`,
  `<h3>Slack, with a webhook</h3>${webhook.map(({ body }) => slackHtml(body)).join('')}`,
  `<h3>Microsoft Teams</h3>${card ? teamsHtml(card.body) : ''}`,
  `<h3>E-mail</h3>${mailHtml(mail)}`,
].join('');

const executablePath = await findProgram('chromium', process.env['PATH']);
if (executablePath === undefined)
  throw new Error('chromium has to be on the PATH: run scripts/support/install-debian.sh');
const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
const page = await browser.newPage({ viewport: { width: 950, height: 300 } });
await page.setContent(html);
await page.screenshot({ path: PICTURE, fullPage: true });
await browser.close();

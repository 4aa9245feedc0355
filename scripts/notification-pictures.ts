/**
 * Renders docs/images/notifications.png: the messages that the kinds send, in the layout of Slack, Teams and a mail program. Run it
 * after a change of their texts: `node --import tsx scripts/notification-pictures.ts` (needs chromium).
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { registryWith } from '../src/built-in.ts';
import type { NotificationMessage } from '../src/plugin/index.ts';
import { findProgram } from '../src/processes/index.ts';

const PICTURE = fileURLToPath(new URL('../docs/images/notifications.png', import.meta.url));

const deployment = 'blue-green/production/recommendation/6b1f';
const message: NotificationMessage = {
  key: `${deployment}/41`,
  event: 'gate-opened',
  severity: 'info',
  text: 'recommendation 2.5.0 is healthy at 50 % and waits for approval.',
  greenPercentage: 50,
  command: 'bluegreen approve --service recommendation',
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
const stalled: NotificationMessage = {
  ...message,
  event: 'rollback-stalled',
  severity: 'critical',
  text: 'The rollback of recommendation 2.5.0 in production has stalled (round 1): the router does not answer. It tries again; retryRollback starts the next round at once.',
  command: 'bluegreen retry-rollback --service recommendation',
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

/** What a notifier of this kind posts. */
async function posted<Body>(kind: string, sent: NotificationMessage): Promise<Body> {
  let text = '';
  const server = createServer((request, response) => {
    request.on('data', (chunk) => (text += String(chunk)));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const log = { info() {}, warn() {}, error() {} };
  const config = { kind, urlEnv: 'HOOK' };
  const [notifier] = registryWith().notifiers([config], { env: { HOOK: `http://127.0.0.1:${port}` }, log });
  await notifier?.notify(sent, AbortSignal.timeout(5_000));
  server.close();
  return JSON.parse(text) as Body;
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

const STYLE = `body{font:15px system-ui,sans-serif;margin:24px;width:900px;background:#fff;color:#1d1c1d}h3{margin:18px 0 6px;font-size:14px;color:#616061}
p{margin:4px 0}small{color:#616061}.app{background:#ddd;border-radius:2px;font-size:10px;padding:1px 3px}code{background:#f4f4f4;border:1px solid #ddd;border-radius:3px;padding:1px 4px;font-size:12px}
a{color:#1264a3}.slack{padding:8px 0;border-bottom:1px solid #eee}.teams{border:1px solid #ddd;border-radius:6px;padding:12px 14px;margin:8px 0;box-shadow:0 1px 3px #0002}
.button{display:inline-block;border:1px solid #bbb;border-radius:4px;padding:4px 12px;margin-top:6px;font-size:13px}`;

const slack = await Promise.all([message, stalled].map((one) => posted<Slack>('slack', one)));
const teams = await posted<Teams>('teams', stalled);
const html = `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><h3>Slack</h3>${slack.map(slackHtml).join('')}<h3>Microsoft Teams</h3>${teamsHtml(teams)}`;

const executablePath = await findProgram('chromium', process.env['PATH']);
if (executablePath === undefined)
  throw new Error('chromium has to be on the PATH: run scripts/support/install-debian.sh');
const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
const page = await browser.newPage({ viewport: { width: 950, height: 300 } });
await page.setContent(html);
await page.screenshot({ path: PICTURE, fullPage: true });
await browser.close();

import type { NotificationMessage } from '../../plugin/index.ts';
import { headline } from '../headline.ts';

const ICON = { info: ':large_blue_circle:', warning: ':warning:', critical: ':rotating_light:' } as const;
/** Slack's bound for the text of a section is 3,000 characters. */
const LONGEST = 2_900;

/** A message for Slack: what happened, what to run, where to look. `text` is what the notification on a phone shows. */
export function slackMessage(message: NotificationMessage) {
  const { severity, text } = message;
  return { text: escaped(text), blocks: [section(`${ICON[severity]} ${escaped(text)}`), ...footer(message)] };
}

/** The first message of a thread: the state of the deployment, and what happened last. */
export function slackThread(message: NotificationMessage) {
  const { severity, text } = message;
  const title = `${ICON[severity]} *${escaped(headline(message))}*`;
  return { text: escaped(headline(message)), blocks: [section(`${title}\n${escaped(text)}`), ...footer(message)] };
}

function footer({ command, link }: NotificationMessage) {
  const parts = [
    ...(command === undefined ? [] : [`Run \`${escaped(command)}\``]),
    ...(link === undefined ? [] : [`<${escaped(link)}|Open the deployment>`]),
  ];
  return parts.length === 0 ? [] : [{ type: 'context', elements: [{ type: 'mrkdwn', text: parts.join('  ·  ') }] }];
}

function section(text: string) {
  return { type: 'section', text: { type: 'mrkdwn', text: text.slice(0, LONGEST) } };
}

/** Slack reads these three as markup, such as `<!channel>`, which would call everybody. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

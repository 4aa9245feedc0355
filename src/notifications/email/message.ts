import type { NotificationMessage } from '../../plugin/index.ts';
import { headline } from '../headline.ts';
import { hashed } from '../keys.ts';

/** Not a host: no mail comes from there, and ids need a right side. */
const DOMAIN = 'bluegreen.invalid';

/** One thread per deployment in a mail program, and one id per notification, so that a repeated delivery can be recognised. */
export function emailMessage(message: NotificationMessage) {
  const { key, text, severity, target, command, link } = message;
  const title = headline(message);
  const thread = `<${hashed(target.deployment)}@${DOMAIN}>`;
  const lines = [
    text,
    ...(command === undefined ? [] : ['', 'Run:', `    ${command}`]),
    ...(link === undefined ? [] : ['', `Open the deployment: ${link}`]),
  ];
  return {
    subject: severity === 'critical' ? `[critical] ${title}` : title,
    text: `${lines.join('\n')}\n`,
    messageId: `<${hashed(key)}@${DOMAIN}>`,
    inReplyTo: thread,
    references: thread,
    ...(severity === 'critical' && { priority: 'high' as const }),
  };
}

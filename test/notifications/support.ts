import type { RequestListener } from 'node:http';
import type { Notification } from '../../src/domain/notification.ts';
import type { NotificationEvent } from '../../src/domain/notification-events.ts';
import { type DeliveryProgress, deliver } from '../../src/notifications/deliver.ts';
import { toMessage } from '../../src/notifications/message.ts';
import type { NotificationConfig } from '../../src/runbook/kinds.ts';
import { registry } from '../support/registry.ts';

const SILENT = { info() {}, warn() {}, error() {} };

/** One deployment that notifies, as the workflow and its activity do: references are kept from one notification to the next. */
export function notifying(configs: readonly Record<string, unknown>[], env: NodeJS.ProcessEnv = {}) {
  const notifiers = registry.notifiers(configs as unknown as NotificationConfig[], { env, log: SILENT });
  const references: Record<number, string> = {};
  let number = 0;
  /** One attempt; `progress` of the attempt before repeats that notification. */
  const attempt = async (notification: Notification, progress: DeliveryProgress): Promise<void> => {
    const named = { TEMPORAL_UI_ADDRESS: 'https://temporal.example' };
    const message = toMessage(notification, { key: `shop/run-1/${number}`, namespace: 'default', env: named });
    await deliver(message, { notifiers, progress, log: SILENT, signal: new AbortController().signal });
  };
  return async (event: NotificationEvent, more: Partial<Notification> = {}, attempts = 1): Promise<void> => {
    number += 1;
    const progress: DeliveryProgress = { delivered: [], references, retryAt: {} };
    const notification = { ...NOTIFICATION, event, text: `It is ${event}.`, ...more };
    for (let left = attempts - 1; left > 0; left -= 1) await attempt(notification, progress).catch(() => {});
    await attempt(notification, progress);
  };
}

const NOTIFICATION: Notification = {
  severity: 'info',
  text: '',
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  greenPercentage: 50,
  target: {
    deployment: 'blue-green/production/shop/run-1',
    service: 'shop',
    environment: 'production',
    blue: '2.4.0',
    green: '2.5.0',
    digest: 'd',
  },
};

export interface Received {
  /** `POST /path` */
  readonly to: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The JSON, or an empty object. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A receiver that keeps what it gets; `answer` says what it answers to each. */
export function receiver(
  answer: (request: Received) => { status?: number; headers?: Record<string, string>; body?: object },
): {
  readonly received: Received[];
  readonly listener: RequestListener;
} {
  const received: Received[] = [];
  return {
    received,
    listener: (request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        const body = (text === '' ? {} : JSON.parse(text)) as Received['body'];
        const one = { to: `${request.method} ${request.url}`, headers: request.headers, body };
        received.push(one);
        const { status = 200, headers = {}, body: said = {} } = answer(one);
        response.writeHead(status, headers).end(JSON.stringify(said));
      });
    },
  };
}

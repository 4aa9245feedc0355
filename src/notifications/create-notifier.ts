import type { Notification } from '../activities/activities.ts';
import type { Runbook } from '../runbook/schema.ts';
import { postToWebhook } from './webhook.ts';

/** The part of a logger that is needed: an activity's `log`, for one. */
export interface NotificationLog {
  info(message: string, attributes: Record<string, unknown>): void;
  warn(message: string, attributes: Record<string, unknown>): void;
  error(message: string, attributes: Record<string, unknown>): void;
}

/** Tells people. May be called twice for the same news; rejects when one of the channels did not take it. */
export type Notifier = (notification: Notification, signal: AbortSignal) => Promise<void>;

const LEVEL = { info: 'info', warning: 'warn', critical: 'error' } as const;

/**
 * A notifier for the runbook's channels. The log always hears, first; the others at the same time, so that one that is
 * down keeps nothing from the rest.
 */
export function createNotifier(
  configs: Runbook['notifications'],
  env: NodeJS.ProcessEnv,
  log: NotificationLog,
): Notifier {
  return async (notification, signal) => {
    const { severity, text, target } = notification;
    const { service, environment, green } = target;
    log[LEVEL[severity]](text, { severity, service, environment, version: green });
    const results = await Promise.allSettled(configs.map((config) => tell(config, notification, env, signal)));
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [`notification ${index + 1} of ${configs.length}: ${words(result.reason)}`] : [],
    );
    if (problems.length > 0) throw new Error(problems.join('; '));
  };
}

async function tell(
  config: Runbook['notifications'][number],
  notification: Notification,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  switch (config.kind) {
    case 'webhook':
      await postToWebhook(config.urlEnv, notification, env, signal);
      return;
    default:
      throw new Error(`unknown channel: ${String(config.kind satisfies never)}`);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import type { Notification } from '../domain/index.ts';
import type { Runbook } from '../runbook/index.ts';
import { postToWebhook, webhookProblem } from './webhook/post.ts';

/** The part of a logger that is needed: an activity's `log`, for one. */
export interface NotificationLog {
  info(message: string, attributes: Record<string, unknown>): void;
  warn(message: string, attributes: Record<string, unknown>): void;
  error(message: string, attributes: Record<string, unknown>): void;
}

/**
 * Tells people. Rejects when one of the channels did not take it, and names it. May be called again for the same news:
 * `delivered` holds the channels that took it, by index, and grows with each that does; these are passed over.
 */
export type Notifier = (notification: Notification, signal: AbortSignal, delivered?: Set<number>) => Promise<void>;

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
  return async (notification, signal, delivered = new Set()) => {
    const { severity, text, target } = notification;
    const { service, environment, green } = target;
    log[LEVEL[severity]](text, { severity, service, environment, version: green });
    const results = await Promise.allSettled(
      configs.map(async (config, index) => {
        if (delivered.has(index)) return;
        await tell(config, notification, env, signal);
        delivered.add(index);
      }),
    );
    const problems = results.flatMap((result, index) =>
      result.status === 'rejected' ? [`${nameOf(configs, index)}: ${words(result.reason)}`] : [],
    );
    if (problems.length > 0) throw new Error(problems.join('; '));
  };
}

/** A channel of a runbook as this worker could use it. Nothing here holds its URL. */
export interface Channel {
  readonly name: string;
  /** The variable of the worker's environment that it needs. */
  readonly variable: string;
  /** Why it cannot be used, if so. */
  readonly problem?: string;
}

/** The runbook's channels, without sending anything. */
export function channelsOf(configs: Runbook['notifications'], env: NodeJS.ProcessEnv): Channel[] {
  return configs.map(({ urlEnv }, index) => {
    const problem = webhookProblem(urlEnv, env);
    return { name: nameOf(configs, index), variable: urlEnv, ...(problem === undefined ? {} : { problem }) };
  });
}

/** `notification 1 of 2 (webhook)` */
function nameOf(configs: Runbook['notifications'], index: number): string {
  return `notification ${index + 1} of ${configs.length} (${configs[index]?.kind})`;
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

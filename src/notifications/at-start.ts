import type { RunbookStore } from '../runbook/index.ts';
import { channelsOf, type NotificationLog } from './create-notifier.ts';

/**
 * Warns of every channel that this worker could not use, before somebody waits in vain for its news. Never throws: the
 * other runbooks, and the other channels, are fine.
 */
export async function warnOfUnusableChannels(
  runbooks: RunbookStore,
  env: NodeJS.ProcessEnv,
  log: Pick<NotificationLog, 'warn'>,
): Promise<void> {
  const inPlace = await runbooks.inPlace().catch((error: unknown) => {
    log.warn('The notifications of the runbooks could not be checked.', { problem: String(error) });
    return [];
  });
  for (const { file, runbook } of inPlace)
    for (const { name, variable, problem } of channelsOf(runbook.notifications, env))
      if (problem !== undefined)
        log.warn(
          `${file}: ${name} cannot be sent: ${problem}. Set ${variable} and restart the worker, or correct "notifications" in the runbook.`,
          { runbook: file, variable },
        );
}

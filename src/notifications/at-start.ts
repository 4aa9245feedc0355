import type { Logger, Registry } from '../plugin/index.ts';
import type { RunbookStore } from '../runbook/index.ts';
import { messageOf } from '../util/index.ts';

/**
 * Warns of every notification that this worker could not send, before somebody waits in vain for it. Never throws: the
 * other runbooks, and the other notifications, are fine.
 */
export async function warnOfUnusableNotifiers(
  { runbooks, registry, env }: { runbooks: RunbookStore; registry: Registry; env: NodeJS.ProcessEnv },
  log: Logger,
): Promise<void> {
  const inPlace = await runbooks.inPlace().catch((error: unknown) => {
    log.warn('The notifications of the runbooks could not be checked', { problem: messageOf(error) });
    return { runbooks: [] };
  });
  for (const { file, runbook } of inPlace.runbooks)
    for (const notifier of registry.notifiers(runbook.notifications, { env, log }))
      for (const { found, unblock } of (await notifier.preflight?.()) ?? [])
        log.warn(`${file}: ${notifier.name} cannot be sent: ${found}. To do: ${unblock}.`, { runbook: file });
}

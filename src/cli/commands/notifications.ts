import { type Command, Option } from 'commander';
import { NOTIFICATION_EVENTS, type Notification, type NotificationEvent } from '../../domain/index.ts';
import { toMessage } from '../../notifications/index.ts';
import type { NamedNotifier } from '../../plugin/index.ts';
import { loadRunbook, type Runbook, RunbookError } from '../../runbook/index.ts';
import { messageOf } from '../../util/index.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { withExample } from '../options.ts';
import { loadKinds } from '../registry.ts';
import { print, printError, sanitize } from '../view/output.ts';

interface TestOptions {
  readonly runbook: string;
  /** Missing: one that the channel gets. */
  readonly event?: NotificationEvent;
  readonly version: string;
}

const TIMEOUT_MS = 15_000;
/** The version before, for messages that need one. */
const BEFORE = '0.0.0-before';
const USUAL: NotificationEvent = 'gate-opened';

/** As deployments send them. */
const SEVERITY: Partial<Record<NotificationEvent, Notification['severity']>> = {
  'check-waits': 'warning',
  'forward-only': 'warning',
  extended: 'warning',
  undecided: 'critical',
  unwatched: 'warning',
  'traffic-moved': 'warning',
  held: 'warning',
  reminder: 'warning',
  rejected: 'warning',
  'rolling-back': 'critical',
  'rollback-stalled': 'critical',
  'rolled-back': 'warning',
  refused: 'warning',
};

export function addNotifications(command: Command): void {
  const test = command
    .command('test')
    .description(
      'Sends one message to every channel of a runbook, also to those that do not get this event, with the variables of this shell. ' +
        `Needs no Temporal. Exit code ${EXIT.unreachable}: a channel did not get it.`,
    )
    .requiredOption('--runbook <file>', 'the runbook')
    .addOption(
      new Option('--event <event>', `the event; without it, ${USUAL}, or else the first that the channel gets`).choices(
        NOTIFICATION_EVENTS,
      ),
    )
    .option(
      '--version <version>',
      'the version that the message is about; GitHub and GitLab have to know it',
      '0.0.0-test',
    )
    .action(testNotifications);
  withExample(
    test,
    'notifications test --runbook runbooks/recommendation.yaml',
    'notifications test --runbook runbooks/recommendation.yaml --event rolled-back',
  );
}

async function testNotifications({ runbook: file, event, version }: TestOptions): Promise<void> {
  const registry = await loadKinds();
  const runbook = await loadRunbook(file, registry.format).catch((error: unknown) => {
    throw error instanceof RunbookError ? new CliError(EXIT.usage, error.message, { cause: error }) : error;
  });
  const log = { info: printError, warn: printError, error: printError };
  const notifiers = registry.notifiers(runbook.notifications, { env: process.env, log });
  if (notifiers.length === 0) throw new CliError(EXIT.usage, `${file} has no notifications: add a channel to it.`);
  const results = await Promise.all(
    notifiers.map((notifier) => {
      const { events = [USUAL] } = notifier;
      const sent = event ?? (events.includes(USUAL) ? USUAL : (events[0] ?? USUAL));
      return sendTest(notifier, { runbook, event: sent, version });
    }),
  );
  if (results.every((isSent) => isSent)) return;
  throw new CliError(EXIT.unreachable, 'Not every channel got the message: fix what is named above and try again.');
}

/** Prints what became of it. Every test of a service has one deployment, so that `rolled-back` resolves its incident. */
async function sendTest(
  notifier: NamedNotifier,
  {
    runbook,
    event,
    version,
  }: { readonly runbook: Runbook; readonly event: NotificationEvent; readonly version: string },
): Promise<boolean> {
  const { service, environment } = runbook;
  const deployment = `test/${environment}/${service}`;
  const message = toMessage(
    {
      event,
      severity: SEVERITY[event] ?? 'info',
      text: `This is a test of the notifications of ${service} in ${environment} (${event}). Nothing was deployed.`,
      at: Date.now(),
      target: { deployment, service, environment, blue: BEFORE, green: version, digest: '' },
    },
    { key: `${deployment}/${Date.now()}`, namespace: '', env: {} }, // no link: there is no deployment to look at
  );
  try {
    await notifier.notify({ ...message, keepReference() {} }, AbortSignal.timeout(TIMEOUT_MS));
    print(`sent    ${notifier.name}: ${event}`);
    return true;
  } catch (error) {
    print(sanitize(`FAILED  ${notifier.name}: ${messageOf(error)}`));
    return false;
  }
}

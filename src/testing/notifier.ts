import assert from 'node:assert/strict';
import type { NotificationMessage, Notifier } from '../plugin/index.ts';
import { assertAbortsPromptly, assertNoSecret, type ConformanceTest, rejectionOf } from './conformance.ts';

/** What the suite needs to know of a notifier. */
export interface NotifierSubject {
  working(): Notifier | Promise<Notifier>;
  /** Nothing can be delivered. */
  refusing(): Notifier | Promise<Notifier>;
  /** It does not answer. */
  hanging(): Notifier | Promise<Notifier>;
  /** Everything that was delivered so far, as text. */
  delivered(): string | Promise<string>;
  /** What is in there once it is delivered; by default the notification's text. For receivers that take no text. */
  readonly evidence?: string;
  /** Texts that may never be shown: tokens, addresses. */
  readonly secrets?: readonly string[];
}

const NOTIFICATION: NotificationMessage = {
  key: 'blue-green/production/shop/r/7',
  event: 'rollback-stalled',
  at: Date.UTC(2026, 0, 2, 3, 4, 5),
  severity: 'critical',
  text: 'The rollback of shop 2.5.0 needs you.',
  target: { deployment: 'w/r', service: 'shop', environment: 'production', blue: '2.4.0', green: '2.5.0', digest: 'd' },
  command: 'bluegreen retry-rollback --service shop',
  link: 'https://temporal.example/namespaces/default/workflows/shop',
  keepReference() {},
};

/** The promises of the notifier port. */
export function notifierConformance(subject: NotifierSubject): readonly ConformanceTest[] {
  const { secrets = [], evidence = NOTIFICATION.text } = subject;
  const signal = new AbortController().signal;
  return [
    {
      name: 'a notification is delivered',
      run: async () => {
        await (await subject.working()).notify(NOTIFICATION, signal);
        const delivered = await subject.delivered();
        assert.ok(delivered.includes(evidence), `delivered ${delivered}, expected ${evidence} in it`);
      },
    },
    {
      name: 'a notification that is not delivered rejects, without any secret',
      run: async () => {
        const notifier = await subject.refusing();
        assertNoSecret(String(await rejectionOf(() => notifier.notify(NOTIFICATION, signal))), secrets);
      },
    },
    {
      name: 'an abort rejects promptly with its reason',
      run: async () => {
        const notifier = await subject.hanging();
        await assertAbortsPromptly((stop) => notifier.notify(NOTIFICATION, stop));
      },
    },
    {
      name: 'preflight sends nothing, and finds no problem where it works',
      run: async () => {
        const before = await subject.delivered();
        assert.deepEqual((await (await subject.working()).preflight?.()) ?? [], []);
        assert.equal(await subject.delivered(), before);
      },
    },
  ];
}

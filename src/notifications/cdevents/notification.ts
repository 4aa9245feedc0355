import { notificationKind, template } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { receiverKeys, receiverProblems, sendCloudEvent } from '../cloud-event.ts';
import { cdEvents, WITH_CD_EVENTS } from './events.ts';

export const cdEventsNotification = notificationKind({
  kind: 'cdevents',
  summary: 'CDEvents (0.4.1) in CloudEvents by HTTP POST, such as to what computes lead time and change failures.',
  defaultEvents: WITH_CD_EVENTS,
  schema: (base) =>
    base
      .extend({
        ...receiverKeys,
        artifact: template('service', 'version')
          .prefault('pkg:generic/{service}@{version}')
          .describe('The package URL of a version, such as `pkg:oci/recommendation@{version}`.'),
      })
      // `all` are all that it has a word for.
      .overwrite((config) => ({ ...config, events: config.events.filter((event) => WITH_CD_EVENTS.includes(event)) }))
      .refine(({ events }) => events.length > 0, {
        path: ['events'],
        message: `expected one of ${WITH_CD_EVENTS.join(', ')}: CDEvents has no word for the others`,
      }),
  secretKeys: ['urlEnv', 'tokenEnv'],
  create: ({ artifact, ...receiver }, { env }) => ({
    async notify(message, signal) {
      const { service } = message.target;
      const artifactOf = (version: string): string => fillPlaceholders([artifact], { service, version })[0] ?? artifact;
      const events = cdEvents(message, artifactOf);
      if (events.length === 0)
        throw new Error(
          `CDEvents has no word for ${message.event ?? 'this'}, only for ${WITH_CD_EVENTS.join(', ')}: nothing was sent`,
        );
      for (const data of events) {
        const { id, source, type, timestamp: time } = data.context;
        const event = { id, source, type, subject: data.subject.id, time, data };
        await sendCloudEvent(receiver, { event, env, signal });
      }
    },
    preflight: async () => receiverProblems(receiver, env),
  }),
});

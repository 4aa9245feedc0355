import { defaultPayloadConverter, type PayloadConverter } from '@temporalio/workflow';

/** What a message holds that cannot be read: no JSON, or something encoded in a way that is not known here. */
const UNREADABLE = 'something that is not JSON';

/**
 * JSON, as ever; but a message that cannot be read becomes a text that says so. The SDK reads a signal before any handler
 * sees it, and what it throws there fails the workflow task for ever: one signal sent as "json/protobuf", which the
 * Temporal UI offers, would leave the deployment where it is, with no way to roll back.
 */
export const payloadConverter: Readonly<PayloadConverter> = {
  toPayload: (value, context, hint) => defaultPayloadConverter.toPayload(value, context, hint),
  fromPayload: (payload, context, hint) => {
    try {
      return defaultPayloadConverter.fromPayload(payload, context, hint);
    } catch (error) {
      // What an activity returned is our own: nothing goes on from a result that cannot be read.
      if (context?.type !== 'workflow') throw error;
      return UNREADABLE as never;
    }
  },
};

import { expect, test } from '@jest/globals';
import {
  DefaultFailureConverter,
  defaultPayloadConverter,
  encodeTimeoutType,
  type TimeoutType,
} from '@temporalio/common';
import { errorMessage, lastAnswer } from '../../src/workflows/failures.ts';

type Failure = Parameters<DefaultFailureConverter['failureToError']>[0];

/** What the SDK makes of what the server writes into the history when it gives up `notify`. */
const givenUp = (cause: Failure) =>
  new DefaultFailureConverter().failureToError(
    { message: 'Activity task timed out', activityFailureInfo: { activityType: { name: 'notify' } }, cause },
    defaultPayloadConverter,
  );
const timedOut = (timeoutType: TimeoutType, cause?: Failure, details?: unknown): Failure => ({
  message: 'activity timeout',
  timeoutFailureInfo: {
    timeoutType: encodeTimeoutType(timeoutType) ?? null,
    lastHeartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(details)] },
  },
  ...(cause && { cause }),
});
const answered = (message: string, details: unknown = null): Failure => ({
  message,
  applicationFailureInfo: {
    type: 'NotificationFailed',
    details: { payloads: [defaultPayloadConverter.toPayload(details)] },
  },
});

const REFUSED = 'the pager answered with HTTP status 503';

test.each([
  ['the last attempt answered', answered(REFUSED), REFUSED],
  [
    'the end of the time cut off an attempt',
    timedOut('SCHEDULE_TO_CLOSE', answered(REFUSED)),
    `notify did not end in its time: ${REFUSED}`,
  ],
  [
    'no worker was there to take it',
    timedOut('SCHEDULE_TO_START'),
    'notify did not end in its time: no worker took it from its task queue',
  ],
  [
    'each attempt took too long',
    timedOut('SCHEDULE_TO_CLOSE', timedOut('START_TO_CLOSE')),
    'notify did not end in its time: the receiver did not answer, or its worker was lost or stood still, or none was there',
  ],
  [
    'a lost worker had said how far it was',
    timedOut('HEARTBEAT', undefined, { doing: 'it builds the index' }),
    'notify did not end in its time: its worker was lost or stood still, or none was there; at the end: it builds the index',
  ],
])('an activity is given up when %s', (_, cause, message) => {
  expect(errorMessage(givenUp(cause))).toEqual(message);
});

test('what an answer carries is kept when the next attempt is cut off', () => {
  const details = { 1: '17.1' };
  for (const cause of [answered(REFUSED, details), timedOut('SCHEDULE_TO_CLOSE', answered(REFUSED, details))])
    expect(lastAnswer(givenUp(cause))?.details).toEqual([details]);
  expect(lastAnswer(givenUp(timedOut('HEARTBEAT')))).toBeUndefined();
});

/** HTTP statuses, or `2xx` where statuses are grouped. */
const STATUS = /^[1-5](\d\d|xx)$/i;
const ANSWERED = /^[1-4](\d\d|xx)$/i;
/** The same in PromQL, where a pattern has to fit the whole value. */
export const ANSWERED_PROMQL = '[1-4]([0-9][0-9]|[xX][xX])';

/** What routers write where no status was sent: Envoy and Istio, nginx, HAProxy. Beside statuses they are usual. */
const NO_ANSWER: readonly string[] = ['0', '000', '-', 'other'];

/**
 * Whether requests with this status count as failed: 500 to 599, and all that is no status. Nothing says that such a request
 * was answered well, and a value that only a bad release sends must not pass for success.
 */
export function isFailed(code: string): boolean {
  return !ANSWERED.test(code);
}

export function isStatus(code: string): boolean {
  return STATUS.test(code);
}

export function meansNoAnswer(code: string): boolean {
  return NO_ANSWER.includes(code);
}

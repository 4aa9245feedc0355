import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert, Alertmanager, NewAlert } from '../../prometheus/index.ts';
import type { Labels } from '../../promql/index.ts';
import type { Item } from './items.ts';

const ALERT = 'BluegreenTest';
const ID_LABEL = 'bluegreen_test';
/** Shown at once, as was seen; gone once Alertmanager's clock, which may be behind the worker's, has passed the end. */
const WITHIN_MS = 5_000;
const ASK_EVERY_MS = 100;

/**
 * Sends a test alert with the service's labels, sees it arrive, and ends it, whatever happens. Shows who would be notified,
 * by the names of the receivers, not that they are: what ends within its group's `group_wait` is not passed on. Should
 * the worker die half way, Alertmanager ends the alert by itself after its `resolve_timeout`.
 */
export async function sendTestAlert(to: Alertmanager, labels: Labels, signal: AbortSignal): Promise<Item> {
  const id = randomUUID();
  const alert: NewAlert = {
    labels: { ...labels, alertname: ALERT, [ID_LABEL]: id },
    annotations: { summary: 'A test of the way that alerts of this service go, before a deployment. Nothing to do.' },
  };
  let arrived: Alert | undefined;
  let problem = 'it did not arrive';
  let cleared = false;
  try {
    await to.send(alert, signal);
    arrived = await until(signal, async () => (await to.find(ID_LABEL, id, signal))[0]);
  } catch (error) {
    signal.throwIfAborted();
    problem = error instanceof Error ? error.message.replace(`${to.name}: `, '') : String(error);
  } finally {
    cleared = await clear(to, alert, id);
  }
  return itemOf(to.name, { arrived, problem, cleared });
}

/** Also after a cancellation, so with a time of its own. Never throws. */
async function clear(to: Alertmanager, alert: NewAlert, id: string): Promise<boolean> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  try {
    await to.send({ ...alert, endsAt: new Date().toISOString() }, signal);
    return (await until(signal, async () => (await to.find(ID_LABEL, id, signal)).length === 0 || undefined)) ?? false;
  } catch {
    return false;
  }
}

async function until<Found>(signal: AbortSignal, ask: () => Promise<Found | undefined>): Promise<Found | undefined> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const found = await ask();
    if (found !== undefined || Date.now() > deadline) return found;
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
}

function itemOf(
  name: string,
  {
    arrived,
    problem,
    cleared,
  }: { readonly arrived: Alert | undefined; readonly problem: string; readonly cleared: boolean },
): Item {
  const said = { what: `test alert to ${name}`, required: 'arrives, and is not silenced', source: name };
  if (!arrived) {
    const unblock = `let ${name} take alerts from this worker: ${problem}`;
    return { line: { ...said, measured: problem }, missing: { says: `${name} took no test alert`, unblock } };
  }
  const receivers = arrived.receivers.map((receiver) => receiver.name).join(', ');
  const end = cleared ? 'cleared' : 'not cleared: it ends by itself';
  if (arrived.status.state !== 'suppressed')
    return { line: { ...said, measured: `arrived, for the receivers: ${receivers}; ${end}` } };
  return {
    line: { ...said, measured: `arrived, but silenced or inhibited, for the receivers: ${receivers}; ${end}` },
    missing: {
      says: `alerts of this service are silenced in ${name}`,
      unblock: 'end the silence, or the alert that inhibits those of this service',
    },
  };
}

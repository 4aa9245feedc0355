import { outOf, seconds } from '../../format/index.ts';
import {
  countsBySlot,
  ENOUGH_FOR_A_SHARE,
  MOST_WITHOUT_TRAFFIC,
  type Requested,
  requestsOf,
} from '../../metrics/index.ts';
import { apartMs, type CheckContext, type Observation, readSlots } from '../../plugin/index.ts';
import { messageOf, redact } from '../../util/index.ts';

/** A burst of health checks, or of somebody who tries something out, is over by then. */
const REFUSED_AFTER_MS = 10_000;
const LOOK_MS = 60_000;
/** Fewer may be the health checks of a small service, which both slots get alike. */
const MOST_CHECKS_PER_SECOND = 5;

/**
 * Whether the slot that is to be green gets requests, from a route that the router does not see: what serves there would be
 * replaced. Only counts of slots show it. Where they cannot be read, or are too few, nothing is refused.
 */
export async function observeFreeSlot(context: CheckContext, timeoutMs: number): Promise<Observation> {
  const { target, router, metrics, runbook, run } = context;
  if (!countsBySlot(runbook.metrics)) return { evidence: [], problems: [] };
  const startedAt = Date.now();
  try {
    const { signal } = run;
    const slot = (await readSlots(router, target, { greenIsUp: true, signal }))[target.green];
    const until = startedAt + Math.min(Math.max(LOOK_MS, apartMs(metrics)), timeoutMs / 2);
    const doing = `counting the requests that the free slot ${slot} gets`;
    const counted = await requestsOf(target.green, metrics, { doing, from: startedAt, until, isEnough }, run);
    const { own, all, ms } = counted;
    const measured = ms === 0 ? 'not counted: no two readings to compare yet' : `${outOf(own, all)} in ${seconds(ms)}`;
    const what = `requests of ${slot}, which is to be green`;
    const evidence = [
      {
        what,
        measured,
        required: `at most ${100 * MOST_WITHOUT_TRAFFIC} %, or what health checks may be`,
        source: 'metrics',
      },
    ];
    if (!isServing(counted)) return { evidence, problems: [] };
    return {
      evidence,
      problems: [
        {
          found: `the slot ${slot} is not free for ${target.green}: the router sends it no traffic, but it got ${measured}`,
          unblock:
            'end what sends it requests, such as a route that the router does not have or proxies that do not follow it, then recheck; or abort, and add that route to the router of the runbook. If these are health checks, leave them out of the metrics (selector)',
        },
      ],
    };
  } catch (error) {
    run.signal.throwIfAborted();
    const measured = `not counted: ${redact(messageOf(error))}`;
    return {
      evidence: [{ what: 'requests of the slot that is to be green', measured, source: 'metrics' }],
      problems: [],
    };
  }
}

function isEnough({ own, all, ms }: Requested): boolean {
  const isKnown = all >= ENOUGH_FOR_A_SHARE;
  const isLong = ms >= REFUSED_AFTER_MS;
  return own === 0 ? isKnown || isLong : isKnown && isLong;
}

function isServing(counted: Requested): boolean {
  const { own, all, ms } = counted;
  const isMoreThanChecks = own > all / 2 || own > (MOST_CHECKS_PER_SECOND * ms) / 1_000;
  return isEnough(counted) && own > MOST_WITHOUT_TRAFFIC * all && isMoreThanChecks;
}

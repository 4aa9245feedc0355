import { setImmediate as breath } from 'node:timers/promises';
import {
  binomial,
  firstStepOf,
  type RehearsedStep,
  rehearseRelease,
  seededRandom,
  splitCounts,
  withFailures,
} from '../../backtest/index.ts';
import type { DeploymentPlan } from '../../domain/index.ts';
import { grouped, percent } from '../../format/index.ts';
import { type Counts, requestsToProve, timedOf } from '../../judge/index.ts';
import type { HistoryInterval, Observation } from '../../plugin/index.ts';
import { duration, rate, rateRoundedUp, roundedUp } from './format.ts';
import type { Measured } from './measure.ts';

/**
 * What the first soak will see by the rule `sequential`, rehearsed with the judge itself: soaks with the traffic of now, in
 * which green is as good as blue, or fails more. What the threshold rule will see can be worked out (detection-power-exact.ts); this cannot.
 */

/** A share that is found in 99 % of the cases is found less often than 38 times in 40 once in a hundred times. */
const REHEARSALS = 40;
const ENOUGH = 38;
/** A good release may need its soak to be extended, or another try; one that is hardly ever proven need not be tried. */
const GOOD_ENOUGH = 20;
const SHARES = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1];
/** What is tried when the soak sees too little. */
const MORE = [2, 4, 8];

export async function checkSimulatedPower(
  plan: DeploymentPlan,
  { detect, seen }: { readonly detect: number; readonly seen: Seen },
): Promise<Observation> {
  const step = firstStepOf(plan);
  const now: Now = { step, seen };
  const isFound = async (failing: number, changed = now) => (await rehearse(changed, failing)).found >= ENOUGH;
  const { soakMs, share } = step;
  const perSecond = (seen.requests / seen.spanMs) * 1_000;
  const required = Math.max(step.rules.minRequests, requestsToProve(step.rules.limits));
  const asked = await rehearse(now, detect);
  const worse = SHARES.filter((tried) => tried > seen.failed / seen.requests);
  const smallest = await firstOf(worse, (tried) => isFound(tried));
  const { healthy } = await rehearse(now);
  const source = `${REHEARSALS} soaks rehearsed with the traffic of now and the runbook`;
  const evidence = [
    {
      what: "green's requests in the first soak",
      measured: `${grouped((perSecond * share * soakMs) / 1_000)} (${percent(share)} of ${rate(perSecond)} a second for ${duration(soakMs)})`,
      required: `at least ${required} to prove the limits`,
      source: 'worked out from the traffic of now and the runbook',
    },
    {
      what: `a release that fails ${percent(detect)}`,
      measured: `found in ${asked.found} of ${REHEARSALS} soaks${asked.medianMs === undefined ? '' : `, half of them within ${roundedUp(asked.medianMs)}`}`,
      required: `at least ${ENOUGH}`,
      source,
    },
    {
      what: 'smallest share of failing requests that is found',
      measured: smallest === undefined ? 'none, not even 100 %' : percent(smallest),
      source,
    },
    {
      what: 'a release that is as good as blue is now',
      measured: `proven healthy at the end of ${healthy} of ${REHEARSALS} soaks`,
      required: `at least ${GOOD_ENOUGH}`,
      source,
    },
  ];
  const unproven =
    healthy >= GOOD_ENOUGH
      ? []
      : [
          {
            found:
              `a release as good as blue is now would be proven healthy in ${healthy} of ${REHEARSALS} first soaks only: of ` +
              `${grouped(seen.requests)} requests ${percent(seen.failed / seen.requests)} failed` +
              (plan.judge.limits.latency ? ` and ${percent(slowShare(seen))} were slow` : ''),
            unblock: 'make the first soak longer, deploy when there is more traffic, or set limits that blue keeps',
          },
        ];
  if (asked.found >= ENOUGH) return { evidence, problems: unproven };

  const longer = await firstOf(MORE, (times) => isFound(detect, { step: lengthened(step, times), seen }));
  const busier = await firstOf(MORE, (times) => isFound(detect, { step, seen: multiplied(seen, times) }));
  const ways = [
    ...(longer === undefined ? [] : [`make the first soak ${duration(soakMs * longer)} long`]),
    ...(busier === undefined
      ? []
      : [
          `deploy when there are about ${rateRoundedUp(perSecond * busier)} requests a second (now ${rate(perSecond)})`,
        ]),
    `set detect further above ${percent(detect)}`,
  ];
  return {
    evidence,
    problems: [
      {
        found: `a release that fails ${percent(detect)} of its requests would be found in ${asked.found} of ${REHEARSALS} first soaks only`,
        unblock: ways.join(', or '),
      },
      ...unproven,
    ],
  };
}

type Seen = Counts & Pick<Measured, 'spanMs'>;

interface Now {
  readonly step: RehearsedStep;
  readonly seen: Seen;
}

/** `failing`: of green's requests; without it green is as blue is. */
async function rehearse({ step, seen }: Now, failing?: number) {
  const random = seededRandom(1);
  const usual = seen.failed / seen.requests;
  // Of what blue answers well, so many more fail.
  const added = failing === undefined ? 0 : Math.max(0, (failing - usual) / (1 - usual));
  const found: number[] = [];
  let healthy = 0;
  for (let round = 0; round < REHEARSALS; round += 1) {
    await breath(); // whatever else this worker does has to go on
    const soak = { at: 0, intervals: intervalsOf(step, seen, random) };
    const split = (all: HistoryInterval) => withFailures(splitCounts(all, step.share, random), added, random);
    const { breachedMs, healthyMs } = rehearseRelease(soak, step, { split, goOn: false });
    if (breachedMs !== undefined && breachedMs <= step.soakMs) found.push(breachedMs);
    if (healthyMs !== undefined) healthy += 1;
  }
  const medianMs = found.toSorted((a, b) => a - b)[Math.ceil(found.length / 2) - 1];
  return { found: found.length, healthy, ...(medianMs !== undefined && { medianMs }) };
}

function intervalsOf({ soakMs, watch: { pollMs } }: RehearsedStep, seen: Seen, random: () => number) {
  const polls = Math.ceil(soakMs / pollMs);
  const expected = (seen.requests / seen.spanMs) * pollMs;
  return Array.from({ length: polls }, (_, poll): HistoryInterval => {
    const requests = Math.floor(expected) + (random() < expected % 1 ? 1 : 0);
    return {
      from: poll * pollMs,
      to: (poll + 1) * pollMs,
      requests,
      failed: binomial(requests, seen.failed / seen.requests, random),
      slow: binomial(requests, slowShare(seen), random),
    };
  });
}

async function firstOf<Item>(
  items: readonly Item[],
  fits: (item: Item) => Promise<boolean>,
): Promise<Item | undefined> {
  for (const item of items) if (await fits(item)) return item;
  return undefined;
}

function lengthened(step: RehearsedStep, times: number): RehearsedStep {
  return { ...step, soakMs: step.soakMs * times, maxSoakMs: step.maxSoakMs * times };
}

function slowShare(seen: Seen): number {
  const timed = timedOf(seen);
  return timed > 0 ? seen.slow / timed : 0;
}

function multiplied({ requests, failed, slow, timed, spanMs }: Seen, times: number): Seen {
  return {
    spanMs,
    requests: requests * times,
    failed: failed * times,
    slow: slow * times,
    ...(timed !== undefined && { timed: timed * times }),
  };
}

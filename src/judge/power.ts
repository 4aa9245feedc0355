import type { ThresholdRules } from './rules.ts';
import { chanceOfAtLeast } from './special-functions.ts';

/**
 * What the threshold rule can see in a soak, worked out before anything is deployed: from the traffic, the soak's length and
 * the rule's numbers. Each batch is a binomial draw, and a release is found when enough of them in a row are over the
 * limit. Where the truth depends on chance or on rounding, the less favourable case counts, so that nothing is promised
 * that the watch does not keep, and more traffic or a longer soak never sees less.
 */

/** The part of the rules that decides what is seen. */
export type PowerRules = Pick<ThresholdRules, 'limits' | 'batchMs' | 'minRequests' | 'breachesInARow'>;

/** A soak before it has begun. */
export interface PlannedSoak {
  /** Of green. */
  readonly requestsPerSecond: number;
  readonly soakMs: number;
  readonly pollMs: number;
}

/** "At least 95 %", for finding a bad release and for believing in a good one alike. */
export const CONFIDENCE = 0.95;
/** As in the threshold rule: a share exactly at its limit is within it. */
const TOLERANCE = 1e-9;
/** More requests in a batch only make a finding surer; counting on with so many keeps the arithmetic short. */
const MOST_IN_BATCH = 20_000;
/** What takes longer is not found in any soak that somebody would wait for. */
const MOST_BATCHES = 100_000;
/** Nobody serves more; what needs it cannot be had by traffic. */
const MOST_REQUESTS_PER_SECOND = 1e6;

/** How many of green's requests the soak holds. */
export function requestsIn({ requestsPerSecond, soakMs }: PlannedSoak): number {
  return Math.floor((requestsPerSecond * soakMs) / 1_000);
}

/** How long a batch takes: its time or its requests, whichever is later, and it ends with a poll. */
export function batchLengthMs(
  { batchMs, minRequests }: PowerRules,
  { requestsPerSecond, pollMs }: PlannedSoak,
): number {
  const filledMs = (minRequests / requestsPerSecond) * 1_000;
  return pollMs * Math.ceil(Math.max(batchMs, filledMs) / pollMs);
}

/** How many batches are complete when the soak ends. The time that the polls themselves take costs up to a poll. */
export function batchesIn(rules: PowerRules, soak: PlannedSoak): number {
  return Math.max(0, Math.floor((soak.soakMs - soak.pollMs) / batchLengthMs(rules, soak)));
}

/** The chance that a release that fails `share` of its requests is found before the soak ends. */
export function detectionProbability(share: number, rules: PowerRules, soak: PlannedSoak): number {
  let found = 0;
  for (const chance of chancesByBatch(share, rules, soak, batchesIn(rules, soak))) found = chance;
  return found;
}

/** After how long such a release is found with 95 % probability, however long the soak is; undefined: never. */
export function timeToFind(share: number, rules: PowerRules, soak: PlannedSoak): number | undefined {
  const batches = batchesToFind(share, rules, soak, MOST_BATCHES);
  return batches === undefined ? undefined : batches * batchLengthMs(rules, soak) + soak.pollMs;
}

/** The smallest failing share that is found in the soak with 95 % probability; undefined: not even 100 % is. */
export function minimumDetectableRate(rules: PowerRules, soak: PlannedSoak): number | undefined {
  const batches = batchesIn(rules, soak);
  const isFound = (share: number) => batchesToFind(share, rules, soak, batches) !== undefined;
  return isFound(1) ? bisect(rules.limits.errorRate, 1, 20, isFound) : undefined;
}

/**
 * So many requests without a single bad one prove that the bad share is under every limit: fewer would turn out as well
 * in more than 5 % of the cases if it were at the limit (Clopper-Pearson for none among n).
 */
export function requestsToProve({ errorRate, latency }: PowerRules['limits']): number {
  const tightest = latency ? Math.min(errorRate, 1 - latency.quantile) : errorRate;
  return Math.ceil(Math.log(1 - CONFIDENCE) / Math.log1p(-tightest) - TOLERANCE);
}

/** Whether the soak can find a release that fails `share`, and can prove a good one healthy. */
export function hasPower(share: number, rules: PowerRules, soak: PlannedSoak): boolean {
  return (
    requestsIn(soak) >= Math.max(rules.minRequests, requestsToProve(rules.limits)) &&
    batchesToFind(share, rules, soak, batchesIn(rules, soak)) !== undefined
  );
}

/** The shortest soak that sees enough at this traffic; undefined: none does. */
export function soakNeeded(share: number, rules: PowerRules, soak: PlannedSoak): number | undefined {
  const toFind = timeToFind(share, rules, soak);
  if (toFind === undefined) return undefined;
  const toProve = (Math.max(rules.minRequests, requestsToProve(rules.limits)) / soak.requestsPerSecond) * 1_000;
  return Math.ceil(Math.max(toFind, toProve));
}

/** How many of green's requests a second it takes to see enough in this soak; undefined: no traffic would do. */
export function trafficNeeded(share: number, rules: PowerRules, soak: PlannedSoak): number | undefined {
  const isEnough = (requestsPerSecond: number) => hasPower(share, rules, { ...soak, requestsPerSecond });
  if (!isEnough(MOST_REQUESTS_PER_SECOND)) return undefined;
  return bisect(0, MOST_REQUESTS_PER_SECOND, 60, isEnough);
}

function batchesToFind(share: number, rules: PowerRules, soak: PlannedSoak, most: number): number | undefined {
  let batches = 0;
  for (const chance of chancesByBatch(share, rules, soak, most)) {
    batches += 1;
    if (chance >= CONFIDENCE) return batches;
  }
  return undefined;
}

/** The chance that the release is found, after the first batch, after the second, and so on. */
function* chancesByBatch(share: number, rules: PowerRules, soak: PlannedSoak, most: number): Generator<number> {
  // Within its limit a release is as it should be: that bad luck may hit it all the same is no sight.
  if (share <= rules.limits.errorRate) return;
  const over = chanceOfBatchOver(share, rules, soak);
  let found = 0;
  // How probable it is that the release is not found yet and the newest 0, 1, 2, ... batches are over the limit.
  let rows = [1, ...Array.from({ length: rules.breachesInARow - 1 }, () => 0)];
  for (let batch = 1; batch <= most; batch += 1) {
    const broken = (1 - found) * (1 - over);
    found += (rows.at(-1) ?? 0) * over;
    rows = [broken, ...rows.slice(0, -1).map((chance) => chance * over)];
    yield found;
  }
}

/**
 * The chance that one batch is over the limit. It rises with the number of requests, but falls wherever one more failure
 * is needed (with a limit of 5 % at 20, 40, 60, ... requests): the batch as it is planned, or one with a few more.
 */
function chanceOfBatchOver(share: number, { limits, batchMs, minRequests }: PowerRules, soak: PlannedSoak): number {
  const planned = Math.floor((soak.requestsPerSecond * batchMs) / 1_000);
  const requests = Math.min(MOST_IN_BATCH, Math.max(minRequests, planned));
  const limit = limits.errorRate + TOLERANCE;
  const failures = Math.floor(limit * requests) + 1;
  const nextStep = Math.ceil(failures / limit);
  return Math.min(chanceOfAtLeast(failures, requests, share), chanceOfAtLeast(failures + 1, nextStep, share));
}

/** The least value that is enough, from above; `high` is enough, and so is all that is more than enough. */
function bisect(low: number, high: number, steps: number, isEnough: (value: number) => boolean): number {
  let [tooLittle, enough] = [low, high];
  for (let step = 0; step < steps; step += 1) {
    const middle = (tooLittle + enough) / 2;
    if (isEnough(middle)) enough = middle;
    else tooLittle = middle;
  }
  return enough;
}

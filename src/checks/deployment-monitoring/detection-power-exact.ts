import type { DeploymentPlan } from '../../domain/index.ts';
import { grouped, percent } from '../../format/index.ts';
import {
  batchesIn,
  batchLengthMs,
  CONFIDENCE,
  detectionProbability,
  hasPower,
  minimumDetectableRate,
  type PlannedSoak,
  type PowerRules,
  requestsIn,
  requestsToProve,
  soakNeeded,
  timeToFind,
  trafficNeeded,
} from '../../judge/index.ts';
import type { Observation } from '../../plugin/index.ts';
import { duration, rate, rateRoundedUp, roundedUp } from './format.ts';

/** Twice the limit, but never past what can fail at all. */
export function defaultDetect(errorRate: number): number {
  return Math.min(2 * errorRate, (1 + errorRate) / 2);
}

/**
 * Whether the first soak, with the traffic of now, can find a release that fails `detect` of its requests and prove a good
 * one healthy; and if not, what it would take.
 */
export function checkExactPower(
  { judge: rules, traffic, watch }: Pick<DeploymentPlan, 'traffic' | 'watch'> & { readonly judge: PowerRules },
  { detect, perSecond }: { readonly detect: number; readonly perSecond: number },
): Observation {
  const { percentage = 100, soakMs = 0 } = traffic[0] ?? {};
  const share = percentage / 100;
  const soak: PlannedSoak = { requestsPerSecond: perSecond * share, soakMs, pollMs: watch.pollMs };
  const evidence = evidenceOf(
    detect,
    rules,
    soak,
    `${percentage} % of ${rate(perSecond)} a second for ${duration(soakMs)}`,
  );
  const { errorRate } = rules.limits;
  if (detect <= errorRate)
    return {
      evidence,
      problems: [
        {
          found: `a release that fails ${percent(detect)} of its requests is within limits.errorRate (${percent(errorRate)}), so it would be kept`,
          unblock: `set detect above ${percent(errorRate)}, or limits.errorRate below ${percent(detect)}`,
        },
      ],
    };
  if (hasPower(detect, rules, soak)) return { evidence, problems: [] };

  const traffics = trafficNeeded(detect, rules, soak);
  const soaks = soakNeeded(detect, rules, soak);
  const ways = [
    ...(soaks === undefined ? [] : [`make the first soak at least ${roundedUp(soaks)} long for the traffic of now`]),
    ...(traffics === undefined
      ? []
      : [
          `deploy when there are at least ${rateRoundedUp(traffics / share)} requests a second (now ${rate(perSecond)})`,
        ]),
  ];
  return {
    evidence,
    problems: [
      {
        found:
          traffics === undefined
            ? `the first soak of ${duration(soakMs)} is too short: ${whatIsMissed(detect, rules, soak)}`
            : `too little traffic for the first soak of ${duration(soakMs)}: ${whatIsMissed(detect, rules, soak)}`,
        unblock:
          ways.length > 0
            ? ways.join(', or ')
            : `no soak would do with this traffic: set detect further above limits.errorRate (${percent(errorRate)}), or give green more of the traffic`,
      },
    ],
  };
}

function evidenceOf(detect: number, rules: PowerRules, soak: PlannedSoak, traffic: string): Observation['evidence'] {
  const smallest = minimumDetectableRate(rules, soak);
  const found = timeToFind(detect, rules, soak);
  const source = 'worked out from the traffic of now and the runbook';
  const inBatch = Math.max(rules.minRequests, Math.floor((soak.requestsPerSecond * rules.batchMs) / 1_000));
  return [
    {
      what: "green's requests in the first soak",
      measured: `${grouped(requestsIn(soak))} (${traffic})`,
      required: `at least ${requestsRequired(rules)}: ${rules.minRequests} for a batch, ${requestsToProve(rules.limits)} without a bad one to prove the limits`,
      source,
    },
    {
      what: 'complete batches in the first soak',
      measured: `${batchesIn(rules, soak)}, each ${duration(batchLengthMs(rules, soak))} and ${grouped(inBatch)} requests or more`,
      required: `at least ${rules.breachesInARow}: so many in a row are a breach`,
      source,
    },
    {
      what: 'smallest share of failing requests that is found',
      measured: smallest === undefined ? 'none, not even 100 %' : percent(smallest),
      required: `at most ${percent(detect)}, with a chance of ${percent(CONFIDENCE)}`,
      source,
    },
    {
      what: `time to find a release that fails ${percent(detect)}`,
      measured: found === undefined ? 'it would never be found' : roundedUp(found),
      required: `at most ${duration(soak.soakMs)}`,
      source,
    },
  ];
}

function whatIsMissed(detect: number, rules: PowerRules, soak: PlannedSoak): string {
  const chance = detectionProbability(detect, rules, soak);
  const requests = requestsIn(soak);
  return [
    ...(chance >= CONFIDENCE
      ? []
      : [
          `a release that fails ${percent(detect)} of its requests would be found with a chance of ${percent(chance)} only`,
        ]),
    ...(requests >= requestsRequired(rules)
      ? []
      : [`green would get ${requests} requests, and ${requestsRequired(rules)} are needed to prove it healthy`]),
  ].join('; ');
}

function requestsRequired(rules: PowerRules): number {
  return Math.max(rules.minRequests, requestsToProve(rules.limits));
}

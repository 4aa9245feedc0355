import { z } from 'zod';
import type { Matcher } from '../promql/index.ts';
import { unit } from './duration-unit.ts';
import { failed } from './failure.ts';
import { isPattern, label, metric, selector } from './names.ts';
import { PRESETS, type PresetName } from './presets.ts';
import type { SidesConfig } from './sides.ts';
import { slotValue } from './slot-value.ts';
import { versionValue } from './version-value.ts';

/** What the kinds that read Prometheus' metrics have in common in a runbook. */

const sides = {
  versionLabel: label.optional().describe('The label that holds the version. Default: `version`.'),
  versionValue: versionValue.optional(),
  slotLabel: label
    .optional()
    .describe(
      'Instead of `versionLabel`: the label that holds a fixed slot (a backend, service or workload), of which two take turns. The ' +
        "router's status says which version runs in which slot.",
    ),
  slotValue: slotValue.optional(),
  versionSelector: z
    .union(
      [
        z.strictObject({
          blue: selector.describe("Labels that select blue's series."),
          green: selector.describe("Labels that select green's series."),
        }),
        selector,
      ],
      {
        error: 'expected a selector with {version} or {slot} in it, or { blue: SELECTOR, green: SELECTOR }',
      },
    )
    .optional()
    .describe(
      'Instead of `versionLabel`: a selector of the series of a version, such as \'{pod=~"shop-{version}-.*"}\' or ' +
        "`{ destination_workload: 'shop-{slot}' }`, or one for each side: `{ blue: '{canary=\"\"}', green: '{canary!=\"\"}' }`.",
    ),
  join: z
    .strictObject({
      metric: metric.describe('The info metric, such as `target_info` or `kube_pod_labels`.'),
      on: z.array(label).describe('The labels that both have in common, such as `[job, instance]`.'),
      selector: selector.optional().describe('Labels that select series of the info metric.'),
    })
    .optional()
    .describe('Adds the labels of an info metric to the series, for a version that only the info metric has.'),
};

const latencyKeys = {
  metric: metric.describe('The histogram.'),
  unit: unit.optional().describe('The unit of its buckets, if its name does not end in it.'),
  selector: selector.optional().describe('Labels that select its series, if not those of `selector`.'),
  ...sides,
};
type LatencyKeys = z.output<z.ZodObject<typeof latencyKeys>> & { readonly targets?: readonly string[] | undefined };

/** A histogram by its name, or with keys of its own. */
const latencyOf = <More extends z.ZodRawShape>(more: More) =>
  z
    .union([metric, z.strictObject({ ...latencyKeys, ...more })], {
      error: 'expected the name of a histogram, or { metric: NAME, unit, selector, versionLabel, ... }',
    })
    .optional()
    .describe(
      'A histogram of durations, classic (without `_bucket`) or native. The unit is what the end of its name says (`_milliseconds`, ' +
        '`_ms`), else seconds. If its unit or labels are others than those of `requests`: `{ metric, unit, selector, versionLabel, ... }`.',
    );

/** The keys of one service's counters. `more` are keys of a histogram with labels of its own. */
export const counterKeys = <More extends z.ZodRawShape>(more: More) => ({
  preset: z
    .enum(Object.keys(PRESETS) as [string, ...string[]])
    .optional()
    .describe(
      'Names and labels of a well-known source: `bluegreen metrics presets` lists them. Your own keys replace those of the preset.',
    ),
  requests: metric
    .optional()
    .describe('A counter of requests, or the `_count` of a histogram or summary. Required without a `preset`.'),
  latency: latencyOf(more),
  ...sides,
  codeLabel: label
    .optional()
    .describe('The label that says whether a request failed: usually the HTTP status. Default: `code`.'),
  failed: failed.optional(),
});

const allKeys = z.object(counterKeys({})).extend({ selector: selector.optional() });
type Given = z.output<typeof allKeys>;

export type LatencyConfig = string | LatencyKeys;
/** The keys with all that a preset and the defaults say. */
export interface CountersConfig extends Omit<Given, 'preset' | 'requests' | 'latency' | 'codeLabel' | 'failed'> {
  readonly requests: string;
  readonly latency?: LatencyConfig | undefined;
  readonly codeLabel: string;
  readonly failed: NonNullable<Given['failed']>;
}

const WAYS = ['versionLabel', 'slotLabel', 'versionSelector'] as const;

/** Puts what the preset stands for beside the keys of the runbook, which win. */
export function withPreset<Keys extends Given>(
  keys: Keys,
  context: z.RefinementCtx,
): Omit<Keys, keyof Given> & CountersConfig {
  const { preset, ...own } = keys;
  const stands = preset === undefined ? undefined : allKeys.parse(PRESETS[preset as PresetName].keys);
  const ways = WAYS.filter((way) => own[way] !== undefined);
  const defaults = Object.entries(stands ?? {}).filter(
    ([key]) => !(ways.length > 0 && [...WAYS, 'versionValue', 'slotValue', 'join'].includes(key)),
  );
  const taken = Object.entries(own).filter(([, value]) => value !== undefined);
  const config = { codeLabel: 'code', failed: 'status', ...Object.fromEntries([...defaults, ...taken]) } as Omit<
    Keys,
    keyof Given
  > &
    CountersConfig;
  const fail = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  const ownLabels = new Set(own.selector?.map(({ label: name }) => name));
  const selectors = [
    ...(stands?.selector ?? []).filter(({ label: name }) => !ownLabels.has(name)),
    ...(own.selector ?? []),
  ];
  if (config.requests === undefined) fail(['requests'], 'missing, expected the name of a counter, or a preset');
  if (ways.length > 1) fail([ways[1] ?? ''], `found ${ways.join(' and ')}, expected one of them`);
  if (config.slotValue !== undefined && config.slotLabel === undefined && !hasSlot(config.versionSelector))
    fail(['slotValue'], 'found no slotLabel beside it, and no {slot} in versionSelector: nothing is counted by slot');
  checkSelector(selectors, config, fail);
  checkSides([], config, fail);
  if (typeof config.latency === 'object') checkSides(['latency'], config.latency, fail);
  return { ...config, ...(selectors.length > 0 && { selector: selectors }) };
}

type Fail = (path: (string | number)[], message: string) => void;

/** All versions and all buckets have to be seen. */
function checkSelector(
  matchers: readonly Matcher[],
  { versionLabel = 'version', slotLabel, versionSelector }: CountersConfig,
  fail: Fail,
) {
  for (const name of [...(versionSelector ? [] : [slotLabel ?? versionLabel]), 'le'])
    if (matchers.some((matcher) => matcher.label === name))
      fail(['selector'], `found a condition on "${name}", expected none: all versions and all buckets have to be seen`);
}

function checkSides(path: string[], { versionSelector = [], join }: SidesConfig, fail: Fail) {
  const both = 'blue' in versionSelector;
  if (!both && versionSelector.length > 0 && !versionSelector.some(({ value }) => /\{(version|slot)\}/.test(value)))
    fail(
      [...path, 'versionSelector'],
      'expected {version} or {slot} in one of its values: blue and green have to differ',
    );
  const matchers = both ? [...versionSelector.blue, ...versionSelector.green] : versionSelector;
  const filled = matchers.map((one) => ({ ...one, value: one.value.replaceAll(/\{(version|slot)\}/g, 'x') }));
  refusePatterns([...path, 'versionSelector'], filled, fail);
  refusePatterns([...path, 'join', 'selector'], join?.selector ?? [], fail);
}

/** Whether the series of a version are found by its slot. */
export function hasSlot(versionSelector: SidesConfig['versionSelector']): boolean {
  return JSON.stringify(versionSelector ?? '').includes('{slot}');
}

/** These are applied here, also where a Prometheus is read, by JavaScript. */
function refusePatterns(path: string[], matchers: readonly Matcher[], fail: Fail) {
  for (const { label: name, operator, value } of matchers)
    if (operator.endsWith('~') && !isPattern(value))
      fail(
        path,
        `found the pattern ${JSON.stringify(value)} for "${name}", expected a regular expression that JavaScript knows`,
      );
}

/** On a page nobody else would apply a pattern. */
export function refuseSelectorPatterns(
  { selector: matchers = [] }: { selector?: readonly Matcher[] | undefined },
  context: z.RefinementCtx,
) {
  refusePatterns(['selector'], matchers, (path, message) => context.addIssue({ code: 'custom', path, message }));
}

/** For `limits.latency` without a histogram. */
export const LATENCY_MISSING = { key: 'latency', message: 'the name of a histogram' };

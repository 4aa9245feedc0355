import type { Slots } from '../plugin/index.ts';
import { formatSelector, isMetBy, type Matcher } from '../promql/index.ts';
import { shortList } from '../util/index.ts';
import { type SlotValue, slotValueOf } from './slot-value.ts';
import { type VersionValue, valueOf } from './version-value.ts';

type LabelMap = ReadonlyMap<string, string>;

/** The keys of a runbook that say which series belong to which version. */
export interface SidesConfig {
  readonly versionLabel?: string | undefined;
  readonly versionValue?: VersionValue | undefined;
  readonly slotLabel?: string | undefined;
  readonly slotValue?: SlotValue | undefined;
  readonly versionSelector?: readonly Matcher[] | BothSelectors | undefined;
  readonly join?: Join | undefined;
}

interface BothSelectors {
  readonly blue: readonly Matcher[];
  readonly green: readonly Matcher[];
}

/** An info metric whose labels are added to the series that agree with it in the labels `on`. */
export interface Join {
  readonly metric: string;
  readonly on: readonly string[];
  readonly selector?: readonly Matcher[] | undefined;
}

/** The two versions of a deployment. */
export interface Compared {
  readonly blue: string;
  readonly green: string;
  /** Counted under its own name and not compared. */
  readonly apart?: string;
}

/** Blue first; each once. */
function named({ blue, green, apart = green }: Compared): readonly string[] {
  return [...new Set([blue, green, apart])];
}

/** Which series belong to which version. */
export interface Sides {
  /** The labels that decide it: a sum by these still distinguishes versions. */
  readonly by: readonly string[];
  /**
   * The version that a series counts for. Other versions than blue and green go by what the metrics call them; undefined for a
   * series that names none. @throws Error if both selectors are met.
   */
  versionOf(labels: LabelMap): string | undefined;
  /** Conditions that series of other versions do not meet, as far as conditions can say so. */
  matchersOf(version: string): readonly Matcher[];
  /** How the series of a version are found, for people, and the key that says so. */
  where(version: string): string;
  /** The slot of a version as the router names it, where the series are found by it. */
  slotOf?(version: string): string | undefined;
  /** Versions cannot be distinguished before it is known which are compared. */
  readonly isOpen?: true;
  /** What is wrong where no series names a version, if that is not for one page alone to say. */
  readonly missing?: string;
}

/**
 * @param slots what the router says of fixed slots; only needed where the runbook counts by slot.
 * @throws Error if blue and green cannot be distinguished.
 */
export function sidesOf(config: SidesConfig, compared: Compared | undefined, slots: Slots = {}): Sides {
  const {
    versionLabel = 'version',
    versionValue = '{version}',
    slotLabel,
    slotValue = '{slot}',
    versionSelector,
  } = config;
  const written = (version: string) => valueOf(versionValue, version);
  const writtenSlot = (version: string): string | undefined => {
    const slot = slots[version];
    return slot === undefined ? undefined : slotValueOf(slotValue, slot);
  };
  if (versionSelector) return bySelector(versionSelector, compared, { written, writtenSlot });
  if (slotLabel === undefined)
    return byLabel(versionLabel, compared, { key: 'version', what: 'the version', value: written });
  return {
    ...byLabel(slotLabel, compared, { key: 'slot', what: 'the slot', value: writtenSlot }),
    slotOf: (version) => slots[version],
  };
}

/** All series, whatever their version: for the past of a service as a whole. */
export const EVERY_VERSION: Sides = {
  by: [],
  versionOf: () => 'every version',
  matchersOf: () => [],
  where: () => 'any labels',
};

function byLabel(
  label: string,
  compared: Compared | undefined,
  { key, what, value }: { key: 'version' | 'slot'; what: string; value: (version: string) => string | undefined },
): Sides {
  const names = new Map<string, string>();
  for (const version of compared ? named(compared) : []) {
    const own = value(version);
    const other = own === undefined ? undefined : names.get(own);
    if (other !== undefined && other !== version)
      throw new Error(
        `the metrics write ${other} and ${version} alike, as ${JSON.stringify(own)} in the label "${label}": they cannot be ` +
          `distinguished; see metrics.${key}Value`,
      );
    if (own !== undefined) names.set(own, version);
  }
  return {
    by: [label],
    versionOf(labels) {
      const own = labels.get(label);
      return own === undefined || own === '' ? undefined : (names.get(own) ?? own);
    },
    matchersOf(version) {
      const own = value(version);
      return own === undefined ? [] : [{ label, operator: '=', value: own }];
    },
    where: (version) =>
      `${JSON.stringify(value(version) ?? `${what} of ${version}`)} in the label "${label}" (metrics.${key}Label)`,
    missing: `has no label "${label}", which is to hold ${what} (metrics.${key}Label)`,
  };
}

function bySelector(
  given: readonly Matcher[] | BothSelectors,
  compared: Compared | undefined,
  {
    written,
    writtenSlot,
  }: { written: (version: string) => string; writtenSlot: (version: string) => string | undefined },
): Sides {
  const both: BothSelectors = 'blue' in given ? given : { blue: given, green: given };
  const fill = (matchers: readonly Matcher[], version: string) =>
    matchers.map(({ value, ...matcher }): Matcher => {
      const text = (word: string) => (matcher.operator.endsWith('~') ? escapePattern(word) : word);
      const slot = writtenSlot(version) ?? '';
      return {
        ...matcher,
        value: value.replaceAll('{version}', () => text(written(version))).replaceAll('{slot}', () => text(slot)),
      };
    });
  const sides = (compared ? named(compared) : []).map((version, index) => ({
    version,
    matchers: fill(index === 0 ? both.blue : both.green, version),
  }));
  const shown = sides.map(({ matchers }) => formatSelector(matchers));
  if (new Set(shown).size < shown.length)
    throw new Error(`metrics.versionSelector selects the same series for blue and green: ${shown[0]}`);
  const of = (version: string) => sides.find((side) => side.version === version)?.matchers ?? [];
  return {
    by: [...new Set([...both.blue, ...both.green].map(({ label }) => label))],
    versionOf(labels) {
      const met = sides.filter(({ matchers }) => isMetBy(matchers, labels));
      if (met.length > 1)
        throw new Error(
          `metrics.versionSelector selects one series for blue and for green: ${shortList([...labels].map(([name, value]) => `${name}=${JSON.stringify(value)}`))}`,
        );
      return met[0]?.version;
    },
    matchersOf: of,
    where: (version) => `labels that meet ${formatSelector(of(version))} (metrics.versionSelector)`,
    ...(!compared && {
      isOpen: true as const,
      missing:
        'cannot be read by metrics.versionSelector while it is not known which version serves: add router.status',
    }),
  };
}

/**
 * Adds the labels of an info metric to those of a series.
 * @param infos the newest first: of several that agree with a series, the first is taken
 */
export function joiner(join: Join | undefined, infos: readonly LabelMap[]): (labels: LabelMap) => LabelMap {
  if (!join) return (labels) => labels;
  const key = (labels: LabelMap) => JSON.stringify(join.on.map((label) => labels.get(label) ?? ''));
  const byKey = new Map<string, LabelMap>();
  for (const info of infos) if (!byKey.has(key(info))) byKey.set(key(info), info);
  return (labels) => new Map([...(byKey.get(key(labels)) ?? []), ...labels]);
}

/** A pattern that this text meets and no other. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

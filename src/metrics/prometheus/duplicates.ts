import { groupBy } from '../group-by.ts';
import type { LabelValues } from '../inspection.ts';
import { COUNTED_BY, severalValues } from '../label-problems.ts';
import type { Point, ProcessStart, Track } from './track.ts';

/** Labels that Prometheus adds by how it found a target: two jobs that find the same one differ in them alone. */
const FOUND_BY = ['job', 'endpoint', 'container', 'service', 'namespace', 'pod', 'node', 'app', 'component'];
/** A sample shows what was counted up to so long after its time. */
const SLACK_MS = 1_000;
/** Two counters of so few may be alike by chance. */
const FEWEST_REQUESTS = 10;

/** Labels by which the requests of each version are counted more than once. */
export function doubledLabels(requests: readonly Track[], starts: readonly ProcessStart[]): Map<string, LabelValues[]> {
  const found = new Map<string, Map<string, Set<string>>>();
  const note = (version: string, label: string, values: readonly string[]) => {
    const labels = found.get(version) ?? new Map<string, Set<string>>();
    found.set(version, labels.set(label, new Set([...(labels.get(label) ?? []), ...values])));
  };
  const versions = groupBy(requests, ({ version }) => version);
  for (const [version, tracks] of versions) {
    const all = tracks.map(({ labels }) => new Map(Object.entries(labels)));
    for (const { label, values } of severalValues(all)) if (COUNTED_BY.includes(label)) note(version, label, values);
  }
  const startOf = ({ labels: { job, instance } }: Track) =>
    starts.find(({ labels }) => labels['job'] === job && labels['instance'] === instance)?.startedAt;
  const isSameProcess = (one: Track, other: Track) => startOf(one) !== undefined && startOf(one) === startOf(other);
  const compare = (group: readonly Track[], isSameTarget: (one: Track, other: Track) => boolean) => {
    for (const [index, one] of group.entries())
      for (const other of group.slice(index + 1)) {
        if (one.version !== other.version) continue; // such a label may distinguish slots
        const label = [...FOUND_BY, 'instance'].find((name) => one.labels[name] !== other.labels[name]);
        if (label === undefined || !isSameTarget(one, other) || !isSameCounter(one.points, other.points)) continue;
        note(one.version, label, [one.labels[label] ?? '', other.labels[label] ?? '']);
      }
  };
  // The same address is the same page. A pod may be known by several; workers in it that get the same share count alike.
  for (const group of groupsBy(requests, 'instance', FOUND_BY)) compare(group, () => true);
  for (const group of groupsBy(requests, 'pod', ['instance', ...FOUND_BY])) compare(group, isSameProcess);
  return new Map(
    [...found].map(([version, labels]) => [
      version,
      [...labels].map(([label, values]) => ({ label, values: [...values] })),
    ]),
  );
}

/** Counters of the same target that differ in nothing but the labels that are dropped. */
function groupsBy(requests: readonly Track[], target: string, dropped: readonly string[]): Iterable<Track[]> {
  const known = requests.filter(({ labels }) => (labels[target] ?? '') !== '');
  return groupBy(known, ({ labels }) => {
    const rest = Object.entries(labels).filter(([label]) => label === target || !dropped.includes(label));
    return JSON.stringify(rest.sort(([a], [b]) => (a < b ? -1 : 1)));
  }).values();
}

/**
 * Whether these are two views of one counter: then each sample of one lies between what the other said before and after. Two
 * pods that answer the same share do not, unless they have counted the same since they started.
 */
function isSameCounter(one: readonly Point[], other: readonly Point[]): boolean {
  const newest = one.at(-1)?.values[0] ?? 0;
  if (newest < FEWEST_REQUESTS) return false;
  const [ours, theirs] = [sinceRestart(one), sinceRestart(other)];
  let compared = 0;
  for (const { at, values } of ours) {
    const before = theirs.findLast((point) => point.at <= at - SLACK_MS);
    const after = theirs.find((point) => point.at >= at + SLACK_MS);
    if (!before || !after) continue;
    const [value = 0] = values;
    if (value < (before.values[0] ?? 0) || value > (after.values[0] ?? 0)) return false;
    compared += 1;
  }
  return compared > 0;
}

function sinceRestart(points: readonly Point[]): readonly Point[] {
  const fell = points.findLastIndex(({ values: [value = 0] }, index) => value < (points[index - 1]?.values[0] ?? 0));
  return points.slice(Math.max(0, fell));
}

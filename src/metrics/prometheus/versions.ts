import type { RawSeries } from '../../prometheus/index.ts';
import type { Labels } from '../../promql/index.ts';
import type { Counters, Family } from '../counters.ts';
import { joiner } from '../sides.ts';
import { seriesOf } from './queries.ts';

/** The version that a series of each family counts for; undefined for none. */
export interface VersionsOf {
  readonly requests: VersionOf;
  readonly latency: VersionOf;
}
export interface VersionOf {
  (labels: Labels): string | undefined;
  /** The names of the labels, with those of the info metric. */
  readonly known: (labels: Labels) => readonly string[];
}

/**
 * Reads the info metrics that the runbook joins. Of several with the same labels the newest counts.
 * @param ask for the raw samples of a selector with a range
 */
export async function readVersions(
  { requests, latency }: Counters,
  ask: (selector: string) => Promise<readonly RawSeries[]>,
): Promise<VersionsOf> {
  const of = await versionOf(requests, ask);
  return {
    requests: of,
    latency:
      !latency || (latency.join === requests.join && latency.sides === requests.sides)
        ? of
        : await versionOf(latency, ask),
  };
}

async function versionOf(
  { sides, join }: Family,
  ask: (selector: string) => Promise<readonly RawSeries[]>,
): Promise<VersionOf> {
  const infos = join ? [...(await ask(seriesOf({ selector: join.selector ?? [] }, join.metric)))] : [];
  if (join && infos.length === 0)
    throw new Error(`Prometheus has no fresh sample of ${join.metric}, which metrics.join names`);
  const age = ({ samples }: RawSeries) => samples.at(-1)?.at ?? 0;
  infos.sort((one, other) => age(other) - age(one));
  const withInfo = joiner(
    join,
    infos.map(({ labels: { __name__: _, ...labels } }) => new Map(Object.entries(labels))),
  );
  const all = (labels: Labels) => withInfo(new Map(Object.entries(labels)));
  return Object.assign((labels: Labels) => sides.versionOf(all(labels)), {
    known: (labels: Labels) => [...all(labels).keys()].filter((name) => name !== '__name__'),
  });
}

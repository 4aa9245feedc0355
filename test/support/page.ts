import { parsePrometheusText, type Sample } from '../../src/prometheus/text-format.ts';

/** The Prometheus page of a worker, read as Prometheus would. */
export async function readPage(address: string): Promise<readonly Sample[]> {
  const response = await fetch(`http://${address}/metrics`);
  return parsePrometheusText(await response.text()).samples;
}

/** The sum of the samples of this name with these labels: 0 when there are none. */
export function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels.get(key) === value))
    .reduce((sum, { value }) => sum + value, 0);
}

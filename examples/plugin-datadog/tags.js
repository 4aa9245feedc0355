import { metricsUnavailable } from 'bluegreen/plugin';

/**
 * How Datadog writes the value of a tag: in lower case, and with `_` for what is no letter, digit or one of `_-:./`.
 * @param {string} version
 */
export function tagOf(version) {
  return version.toLowerCase().replaceAll(/[^\p{L}\p{N}_\-:./]/gu, '_');
}

/** @param {{ blue: string, green: string } | undefined} compared */
export function createTags(compared) {
  const { blue, green } = compared ?? {};
  const names = new Map(compared ? [green, blue].map((version) => [tagOf(version), version]) : []);
  return {
    /**
     * The version of a series: blue and green as the release is called, others as Datadog writes them.
     * @param {readonly string[]} groupTags such as `version:2.5.0`
     * @param {string} key
     */
    version(groupTags, key) {
      const tag = groupTags.find((one) => one.startsWith(`${key}:`));
      const value = tag === undefined ? '' : tag.slice(key.length + 1);
      return names.get(value) ?? value;
    },
    /** @throws ApplicationFailure where blue and green would be counted together. */
    refuseAlike() {
      if (compared && blue !== green && names.size < 2)
        throw metricsUnavailable(
          `Datadog writes ${blue} and ${green} alike, as ${tagOf(blue)}: give green another version`,
        );
    },
  };
}

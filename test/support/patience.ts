/**
 * How long a test waits for a condition before it fails: far longer than a calm machine needs, since nothing waits when the
 * condition is there, and shorter than a test may take, so that the failure says what was waited for.
 */
export const PATIENCE_MS = 180_000;

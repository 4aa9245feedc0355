import { type Compared } from './bucket-ends.ts';

export interface SourceOptions {
  /** The worker's environment: secrets are read from it by name. */
  readonly env: NodeJS.ProcessEnv;
  /** Hears, once each, what a person should know about the metrics. */
  readonly notice?: (text: string) => void;
  /** Those that are compared: their slow requests are then counted by the same limit, and other versions are no obstacle. */
  readonly versions?: Compared;
}

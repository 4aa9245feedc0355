/**
 * What outlives a worker: snapshots of runbooks, the series and the reports. Workers that continue each other's
 * deployments share one. A name is a path such as `runbooks/<digest>.json`, made of `[A-Za-z0-9._~-]` and `/`.
 */
export interface StateStore {
  /** Over a network: each question costs time and may fail for a while. */
  readonly isRemote: boolean;
  /** How messages call the place of this name; never with a secret. */
  describe(name: string): string;
  /** The text under this name, or undefined if there is none. @throws StateUnavailable */
  read(name: string): Promise<string | undefined>;
  /** Writes a text whole or not at all, over what was there. May be called twice. @throws StateUnavailable */
  write(name: string, text: string): Promise<void>;
  /** Adds a text to what this process and others add to the folder. A failed one may be there after all. @throws StateUnavailable */
  append(folder: string, text: string): Promise<void>;
  /** Every text that was added to the folder, in no order. @throws StateUnavailable */
  readAppended(folder: string): Promise<readonly string[]>;
  /** Ends connections. Another call opens them again. Never fails and never takes long. */
  close(): Promise<void>;
}

/** The state cannot be read or written. The message says where, why and what to do, and holds no secret. */
export class StateUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StateUnavailable';
  }
}

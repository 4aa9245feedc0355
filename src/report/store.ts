import { createHash } from 'node:crypto';
import { type StateStore, StateUnavailable } from '../state/index.ts';
import { messageOf } from '../util/index.ts';
import type { Poll } from './series.ts';

/** Where a worker keeps what a report needs, and the reports: a folder of the state for each deployment. */
export interface ReportStore {
  /**
   * Keeps what a poll of this deployment brought. Neither waits nor throws, whatever the store does: the watch goes on.
   * `complain` is called once for each deployment, with the reason why its series has a gap.
   */
  note(deployment: string, poll: Poll, complain: (problem: string) => void): void;
  /** Writes what was noted and is not written yet. Never throws; what cannot be written is tried again with the next poll. */
  flush(deployment: string): Promise<void>;
  /** Everything that was noted of this deployment, in no order. Lines that are no polls are left out. @throws StateUnavailable */
  polls(deployment: string): Promise<Poll[]>;
  /**
   * Writes these files, each whole or not at all. May be called twice.
   * @returns the folder in the state. @throws StateUnavailable
   */
  keep(deployment: string, files: Readonly<Record<string, string>>): Promise<string>;
}

/** A store that does not answer may have so many polls waiting for it; more are dropped. */
const MOST_WAITING = 100;
/** What one worker writes about one deployment: some 30,000 polls. */
const LARGEST_BYTES = 8_000_000;
/** A remote store gets the polls of so long in one piece: each costs a request. */
const GATHER_MS = 15_000;
/** Deployments whose size and complaints are remembered. */
const MOST_QUEUES = 1_000;

interface Queue {
  /** Lines that are not written yet. */
  waiting: string[];
  written: number;
  complained: boolean;
  timer?: NodeJS.Timeout | undefined;
  writing?: Promise<void> | undefined;
  say: (problem: string) => void;
}

export function createReportStore(state: StateStore): ReportStore {
  const queues = new Map<string, Queue>();

  function queueOf(deployment: string): Queue {
    const known = queues.get(deployment);
    if (known) return known;
    const queue: Queue = { waiting: [], written: 0, complained: false, say: () => {} };
    queues.set(deployment, queue);
    if (queues.size > MOST_QUEUES) forgetOldest();
    return queue;
  }

  function forgetOldest(): void {
    for (const [deployment, { waiting, writing }] of queues) {
      if (waiting.length > 0 || writing) continue;
      queues.delete(deployment);
      return;
    }
  }

  async function write(deployment: string, queue: Queue): Promise<void> {
    while (queue.waiting.length > 0) {
      const lines = queue.waiting.splice(0);
      // The line end comes first, so that half a line of a full disk does not spoil the next one.
      const text = lines.map((line) => `\n${line}`).join('');
      try {
        if (queue.written > LARGEST_BYTES) throw new Error(`its series is full (${LARGEST_BYTES / 1e6} MB)`);
        await state.append(seriesOf(deployment), text);
        queue.written += text.length;
      } catch (error) {
        queue.say(messageOf(error));
        // A network heals. A disk that is full would get the same lines again and again.
        if (state.isRemote && error instanceof StateUnavailable) queue.waiting.unshift(...lines);
        return;
      }
    }
  }

  function flush(deployment: string): Promise<void> {
    const queue = queues.get(deployment);
    if (!queue) return Promise.resolve();
    clearTimeout(queue.timer);
    queue.timer = undefined;
    queue.writing ??= write(deployment, queue).finally(() => {
      queue.writing = undefined;
    });
    return queue.writing;
  }

  return {
    note(deployment, poll, complain) {
      const queue = queueOf(deployment);
      queue.say = (problem) => {
        if (!queue.complained) complain(problem);
        queue.complained = true;
      };
      if (queue.waiting.length >= MOST_WAITING) return queue.say('the state does not answer');
      queue.waiting.push(JSON.stringify(poll));
      if (!state.isRemote) void flush(deployment);
      else queue.timer ??= setTimeout(() => void flush(deployment), GATHER_MS).unref();
    },

    flush,

    async polls(deployment) {
      await flush(deployment);
      const texts = await state.readAppended(seriesOf(deployment));
      // A write that seemed to fail may be there twice.
      const lines = new Set(texts.flatMap((text) => text.split('\n')));
      return [...lines].flatMap((line) => pollIn(line) ?? []);
    },

    async keep(deployment, texts) {
      const folder = folderOf(deployment);
      for (const [name, text] of Object.entries(texts)) await state.write(`${folder}/${name}`, text);
      return folder;
    },
  };
}

function seriesOf(deployment: string): string {
  return `${folderOf(deployment)}/series`;
}

/**
 * `reports/<environment>/<service>/<run>` of `<workflowId>/<run>`, in the state. The starter of a
 * workflow chooses its id: anything but a plain name becomes a hash, and no id leads out of the folder or into another.
 */
export function folderOf(deployment: string): string {
  const [, environment, service, run] = /^blue-green\/([^/]*)\/([^/]*)\/([^/]*)$/.exec(deployment) ?? [];
  const parts = environment === undefined ? ['other', deployment] : [environment, service ?? '', run ?? ''];
  return ['reports', ...parts.map(safe)].join('/');
}

function safe(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(name)) return name;
  return `_${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** The poll in a line; nothing where it is torn, or not one of ours. */
function pollIn(line: string): Poll | undefined {
  try {
    const value = JSON.parse(line) as Partial<Poll> | null;
    if (typeof value?.soakStartedAt !== 'number' || typeof value.at !== 'number') return undefined;
    const { counted } = value;
    const isWhole =
      !counted || [counted.from, counted.to, counted.green?.requests, counted.blue?.requests].every(Number.isFinite);
    return isWhole ? (value as Poll) : undefined;
  } catch {
    return undefined;
  }
}

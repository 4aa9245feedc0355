import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientBase } from 'pg';
import type { Green } from './production.ts';
import { createIndex, dropIndex } from './seed.ts';

export type FaultName = 'missing-index' | 'pool-exhaustion' | 'bad-release' | 'slow-rollback';

/**
 * What goes wrong. It strikes once a green has had at least the percentage for the time, ends when that green is stopped,
 * and strikes the next one too: it is armed until it is cleared.
 */
export interface Fault {
  readonly name: FaultName;
  /** 0 to 100; 50 when not given. */
  readonly atPercentage?: number;
  /** 0 when not given. */
  readonly afterMs?: number;
}

/** About half of what a customer would call an outage, and well over the guide's 5 %. */
const FAILING_SHARE = 0.25;
/** Uses up the free slots within seconds. */
const LEAKING_SHARE = 0.3;
const SLOW_ROLLBACK_MS = 20_000;
/** A DROP INDEX that waits holds up every query behind it: it gives up soon and tries again. */
const DROP_PATIENCE_MS = 300;

export interface Faults {
  inject(fault: Fault): Promise<void>;
  /** Ends a fault that struck too. */
  clear(): Promise<void>;
  /** Nothing strikes any more; what has struck stays as it is. */
  disarm(): void;
  /** Has to be called at every change of the traffic: a fault waits for its percentage. */
  greenChanged(green: Green | undefined): void;
  /** When the armed fault struck last, epoch milliseconds. */
  struckAt(): number | undefined;
  /** How long a rollback takes before it moves the traffic. */
  rollbackDelayMs(): number;
}

export function createFaults(databaseUrl: string): Faults {
  let armed: Fault | undefined;
  let green: Green | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** The process it struck. A percentage that falls afterwards fixes nothing. */
  let struck: Green | undefined;
  let struckAt: number | undefined;
  let droppedIndex = false;

  function consider(): void {
    if (struck && green?.process !== struck.process) struck = undefined;
    const due = armed && green && !struck && green.percentage >= (armed.atPercentage ?? 50);
    if (!due) {
      clearTimeout(timer);
      timer = undefined;
      return;
    }
    timer ??= setTimeout(() => {
      timer = undefined;
      if (!armed || !green) return;
      struck = green;
      void strikeOnce(armed, green);
    }, armed?.afterMs ?? 0);
  }

  async function strikeOnce(fault: Fault, target: Green): Promise<void> {
    try {
      await strike(fault, target);
      struckAt = Date.now();
    } catch (error) {
      console.error('sandbox: the fault failed to strike:', error);
    }
  }

  async function strike({ name }: Fault, target: Green): Promise<void> {
    switch (name) {
      case 'bad-release':
        return target.process.order({ failingShare: FAILING_SHARE });
      case 'pool-exhaustion':
        return target.process.order({ leakingShare: LEAKING_SHARE });
      case 'missing-index':
        return loseIndex(target);
      case 'slow-rollback':
        return undefined; // rollbackDelayMs tells
    }
  }

  async function loseIndex(target: Green): Promise<void> {
    const isWanted = (): boolean => armed !== undefined && struck?.process === target.process;
    while (isWanted()) {
      try {
        await withClient(databaseUrl, async (client) => {
          await client.query(`SET lock_timeout = ${DROP_PATIENCE_MS}`);
          droppedIndex = (await dropIndex(client)) > 0 || droppedIndex;
        });
        return;
      } catch {
        await sleep(200); // someone else works on the table
      }
    }
  }

  function disarm(): void {
    armed = undefined;
    struck = undefined;
    struckAt = undefined;
    droppedIndex = false;
    consider();
  }

  async function clear(): Promise<void> {
    const fixed = struck;
    const wasIndex = armed?.name === 'missing-index' && fixed && droppedIndex;
    disarm();
    if (!fixed?.process.isAlive()) return;
    await fixed.process.order({});
    if (wasIndex) await withClient(databaseUrl, createIndex);
  }

  return {
    async inject(fault) {
      await clear();
      armed = fault;
      consider();
    },
    clear,
    disarm,
    greenChanged(now) {
      green = now;
      consider();
    },
    struckAt: () => struckAt,
    rollbackDelayMs: () => (struck && armed?.name === 'slow-rollback' ? SLOW_ROLLBACK_MS : 0),
  };
}

async function withClient(url: string, work: (client: ClientBase) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'sandbox-fault' });
  client.on('error', () => undefined); // the query that is under way fails too, and says so
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

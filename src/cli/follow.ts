import type { Client } from '@temporalio/client';
import { stateDirectory } from '../state/index.ts';
import { type Address, addressFlags, COMMAND } from './address.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { hasKeys, type PersonAtKeys, personAtKeys } from './keys/interactive.ts';
import type { DeploymentHandle } from './temporal.ts';
import { outcomeOf } from './view/outcome.ts';
import { type Paint, paintFor, print, printError } from './view/output.ts';
import { openScreen } from './view/screen.ts';
import { type DeploymentSnapshot, pollSnapshots } from './view/snapshot.ts';
import { writtenReport } from './view/written-report.ts';

export interface FollowOptions extends Address {
  /** The name for decisions sent by keys; without it, keys send none. */
  readonly by?: string;
  readonly json?: true;
  /** Called with every snapshot, after it was shown. */
  readonly act?: (sight: DeploymentSnapshot) => void;
}

/**
 * Shows the deployment until it ends or the person leaves; leaving does not affect it. At a terminal, keys send
 * decisions. @returns the exit code for how it ended.
 */
export async function follow(client: Client, handle: DeploymentHandle, options: FollowOptions): Promise<ExitCode> {
  const { service, environment, run, by, json, act } = options;
  const address = { service, environment, ...(run === undefined ? {} : { run }) };
  const paint = paintFor();
  const leaving = listenForLeaving();
  let person: PersonAtKeys | undefined;
  const footer = (): readonly string[] =>
    person?.lines() ?? ['Ctrl-C leaves; the deployment continues'].map((line) => paint.dim(line));
  const screen = openScreen({ paint, footer, ...(json ? { json } : {}) });
  let last: DeploymentSnapshot | undefined;
  try {
    if (by !== undefined && !json && hasKeys())
      person = personAtKeys({
        client,
        handle,
        address,
        by,
        leaving: 'leave, it goes on',
        onLeave: leaving.leave,
        onChange: screen.redraw,
      });
    const looking = async (): Promise<void> => {
      for await (const sight of pollSnapshots(client, handle, leaving.signal)) {
        if (leaving.signal.aborted) return;
        last = sight;
        if (sight.status) person?.see(sight.status);
        screen.show(sight);
        act?.(sight);
      }
    };
    // A call that hangs must not delay leaving.
    await Promise.race([looking(), leaving.left]);
  } finally {
    person?.leave();
    screen.end();
    // npm sends on what the terminal sent already: a second signal must not cut off the last lines.
    if (!leaving.signal.aborted) leaving.forget();
  }
  if (leaving.signal.aborted) {
    screen.left(EXIT.interrupted);
    printError(`The deployment continues. Watch it again: ${COMMAND} watch ${addressFlags(address)}`);
    return EXIT.interrupted;
  }
  const outcome = await outcomeOf(client, handle, last?.status);
  screen.tell(outcome);
  if (!json) await sayWhereTheReportIs(last, address, paint);
  return outcome.exitCode;
}

async function sayWhereTheReportIs(
  last: DeploymentSnapshot | undefined,
  address: Address,
  paint: Paint,
): Promise<void> {
  const file = last && (await writtenReport(stateDirectory(), last));
  print(`  report     ${file ?? paint.dim(`${COMMAND} report ${addressFlags(address)}`)}`);
}

interface Leaving {
  readonly signal: AbortSignal;
  readonly left: Promise<void>;
  readonly leave: () => void;
  readonly forget: () => void;
}

/** Ctrl-C, and a terminal or a machine that goes away. */
function listenForLeaving(): Leaving {
  const controller = new AbortController();
  const leave = (): void => controller.abort();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, leave);
  return {
    signal: controller.signal,
    left: new Promise((resolve) => {
      controller.signal.addEventListener('abort', () => resolve());
    }),
    leave,
    forget: () => {
      for (const name of names) process.off(name, leave);
    },
  };
}

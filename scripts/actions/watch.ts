import type { Client } from '@temporalio/client';
import { type Address, addressFlags, COMMAND } from '../commands/address.ts';
import { EXIT, type ExitCode } from '../commands/exit-codes.ts';
import { type DeploymentHandle, findDeployment, withTemporal } from '../commands/temporal.ts';
import { outcomeOf } from '../view/outcome.ts';
import { columns, complain, paintFor, printLines } from '../view/output.ts';
import { renderReport } from '../view/report.ts';
import { openScreen } from '../view/screen.ts';
import { observe, type Sight } from '../view/sight.ts';

export async function watch(address: Address): Promise<void> {
  await withTemporal(async (client) => {
    const { handle } = await findDeployment(client, address);
    process.exitCode = await follow(client, handle, address);
  });
}

/**
 * Shows the deployment until it ends or Ctrl-C. @returns the exit code that tells how it ended. `act` is told of every
 * sight after it was shown.
 */
export async function follow(
  client: Client,
  handle: DeploymentHandle,
  address: Address,
  act: (sight: Sight) => void = () => {},
): Promise<ExitCode> {
  const paint = paintFor();
  const screen = openScreen(paint);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let last: Sight | undefined;
  try {
    for await (const sight of observe(client, handle, interrupted.signal)) {
      last = sight;
      if (!interrupted.signal.aborted)
        screen.show(sight, [paint.dim('Ctrl-C ends the watching; the deployment goes on')]);
      act(sight);
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    screen.end();
  }
  if (interrupted.signal.aborted) {
    complain(`The deployment goes on. Watch again: ${COMMAND} watch ${addressFlags(address)}`);
    return EXIT.interrupted;
  }
  const outcome = await outcomeOf(client, handle, last?.status);
  printLines(renderReport(outcome, paint, columns()));
  return outcome.exitCode;
}

import { ApplicationFailure } from '@temporalio/common';
import { type DeploymentTarget, FAILURE } from '../domain/index.ts';
import type { StateStore } from '../state/index.ts';
import { keepSecret, messageOf } from '../util/index.ts';
import { digestOf } from './digest.ts';
import { openRunbookFolder, type Scan, unavailable } from './folder.ts';
import type { Runbook, RunbookFormat } from './schema.ts';
import { createSnapshots } from './snapshots.ts';

/** Where activities get runbooks from: a folder of files, and a copy of each that a deployment has started with. */
export interface RunbookStore {
  /**
   * The runbook for this service and environment as it is now; keeps a snapshot of it before it returns.
   * @throws ApplicationFailure `InvalidRequest`, final, if there is none, or more than one, or it is broken;
   *   `RunbookUnavailable`, retryable, if the folder cannot be read or the snapshot cannot be kept.
   */
  find(service: string, environment: string): Promise<{ readonly runbook: Runbook; readonly digest: string }>;
  /** Every runbook in the folder, and those that cannot be used. @throws as `find` when the folder cannot be read. */
  inPlace(): Promise<Pick<Scan, 'runbooks' | 'broken'>>;
  /**
   * The very runbook this deployment started with, whatever was edited since.
   * @throws ApplicationFailure `RunbookUnavailable`, retryable: it is enough to put the file back.
   */
  pinned(target: DeploymentTarget): Promise<Runbook>;
  /**
   * For the rollback, which is never lost for want of a snapshot: the pinned runbook, else the current one for this
   * service and environment with a notice that says so. @throws as `pinned` when there is neither.
   */
  pinnedOrCurrent(target: DeploymentTarget): Promise<{ readonly runbook: Runbook; readonly notice?: string }>;
}

export function createRunbookStore(options: {
  /** The folder with the runbooks: its `*.yaml` and `*.yml`, not what lies in folders inside it. */
  readonly directory: string;
  /** What outlives the worker; snapshots go to `runbooks/` in there. */
  readonly state: StateStore;
  /** What they may say: a registry has it. */
  readonly format: RunbookFormat;
}): RunbookStore {
  const { directory, format } = options;
  const scan = openRunbookFolder(directory, format);
  const snapshots = createSnapshots(options.state);

  async function find(service: string, environment: string) {
    const runbook = keepingSecrets(only(await scan(), { service, environment, directory }));
    const digest = digestOf(runbook);
    await snapshots.write({ runbook, digest });
    return { runbook, digest };
  }

  async function pinned(target: DeploymentTarget): Promise<Runbook> {
    const snapshot = await snapshots.read(target.digest);
    if ('runbook' in snapshot) return keepingSecrets(snapshot.runbook);
    const { runbooks } = await scan();
    const same = runbooks.find(({ runbook }) => digestOf(runbook) === target.digest);
    if (same) return keepingSecrets(same.runbook);
    throw unavailable(
      `the runbook that this deployment of ${target.service} in ${target.environment} started with ` +
        `(digest ${target.digest.slice(0, 12)}) is not on this worker: ${snapshot.problem}, and no file in ${directory} ` +
        `is that runbook now. Put the file back as it was, or give this worker the state directory (or ` +
        `BLUEGREEN_STATE_URL) of the one that started the deployment; this is retried automatically.`,
    );
  }

  async function pinnedOrCurrent(target: DeploymentTarget) {
    try {
      return { runbook: await pinned(target) };
    } catch (gone) {
      const why = messageOf(gone);
      try {
        const runbook = keepingSecrets(only(await scan(), { ...target, directory }));
        return { runbook, notice: `acting by the runbook as it is now, not as it was at the start: ${why}` };
      } catch (error) {
        throw unavailable(`${why}\nNor is there a current one: ${messageOf(error)}`);
      }
    }
  }

  return { find, inPlace: scan, pinned, pinnedOrCurrent };
}

/** What the runbook's variables hold is never shown, also when a command prints it. */
function keepingSecrets(runbook: Runbook): Runbook {
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, one] of Object.entries(value))
      if (typeof one === 'string' && /^env$|Env$/.test(key)) keepSecret(one);
      else look(one);
  };
  look(runbook);
  return runbook;
}

function only(
  { runbooks, bases, broken }: Scan,
  wanted: { readonly service: string; readonly environment: string; readonly directory: string },
): Runbook {
  const { service, environment, directory } = wanted;
  const [found, ...others] = runbooks.filter(
    ({ runbook }) => runbook.service === service && runbook.environment === environment,
  );
  if (found && others.length === 0) return found.runbook;
  if (found) {
    const files = [found, ...others].map(({ file }) => file).join(', ');
    throw invalid(`found ${others.length + 1} runbooks for ${service} in ${environment} (${files}), expected one`);
  }
  const there = runbooks.map(({ file, runbook }) => `  ${file}: ${runbook.service} in ${runbook.environment}`);
  const unusable = broken.flatMap(({ file, problems }) => [
    `  ${file}: broken`,
    ...problems.slice(0, 5).map((line) => `    ${line}`),
  ]);
  const extended = bases.map((file) => `  ${file}: no service, only a base for others`);
  const list = [...there, ...extended, ...unusable].join('\n');
  throw invalid(
    `no runbook for ${service} in ${environment} in ${directory}, which holds${list === '' ? ' none' : `:\n${list}`}`,
  );
}

function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE.InvalidRequest);
}

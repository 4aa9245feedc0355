import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { folderOf } from '../../report/index.ts';
import type { DeploymentSnapshot } from './snapshot.ts';

/** The report's page that a worker on this machine wrote; nothing where it is on another one, or could not be written. */
export async function writtenReport(
  stateDirectory: string,
  { server, status }: DeploymentSnapshot,
): Promise<string | undefined> {
  const deployment = status?.plan?.target.deployment ?? `${server.workflowId}/${server.runId}`;
  const file = join(stateDirectory, folderOf(deployment), 'report.html');
  return access(file).then(
    () => file,
    () => undefined,
  );
}

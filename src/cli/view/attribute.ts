import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { SearchAttribute } from '../../domain/index.ts';

type Listed = Pick<WorkflowExecutionDescription, 'typedSearchAttributes' | 'memo'>;

/** A search attribute of ours; from the memo where the namespace has none of that name. */
export function attribute(execution: Listed, name: SearchAttribute): string | undefined {
  return searchable(execution, name) ?? execution.memo?.[name]?.toString();
}

/** The build that a workflow is on, such as `bluegreen:3f2c1ab`; undefined for one that is on none. */
export function buildOf(execution: Pick<Listed, 'typedSearchAttributes'>): string | undefined {
  return searchable(execution, 'TemporalWorkerDeploymentVersion');
}

/** What a worker of this build is started with. */
export function startedWith(build: string): string {
  return `BLUEGREEN_BUILD_ID=${build.slice(build.indexOf(':') + 1)} and the same code`;
}

function searchable(
  { typedSearchAttributes }: Pick<Listed, 'typedSearchAttributes'>,
  name: string,
): string | undefined {
  return typedSearchAttributes
    .getAll()
    .find(({ key }) => key.name === name)
    ?.value?.toString();
}

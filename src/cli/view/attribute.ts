import type { WorkflowExecutionDescription } from '@temporalio/client';

/** A search attribute of ours. */
export function attribute(
  { typedSearchAttributes }: Pick<WorkflowExecutionDescription, 'typedSearchAttributes'>,
  name: string,
): string | undefined {
  return typedSearchAttributes
    .getAll()
    .find(({ key }) => key.name === name)
    ?.value?.toString();
}

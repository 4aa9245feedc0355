import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { SearchAttribute } from '../../domain/index.ts';

/** A search attribute of ours; from the memo where the namespace has none of that name. */
export function attribute(
  { typedSearchAttributes, memo }: Pick<WorkflowExecutionDescription, 'typedSearchAttributes' | 'memo'>,
  name: SearchAttribute,
): string | undefined {
  const searchable = typedSearchAttributes.getAll().find(({ key }) => key.name === name)?.value;
  return (searchable ?? memo?.[name])?.toString();
}

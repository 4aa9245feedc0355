import { executeChild, type ParentClosePolicy } from '@temporalio/workflow';

/** A workflow of another team that deploys as one of its steps. */
export async function release(
  request: { readonly service: string },
  { taskQueue, parentClosePolicy, workflowType, workflowId }: How,
): Promise<unknown> {
  return executeChild(workflowType, {
    taskQueue,
    args: [request],
    ...(workflowId === undefined ? {} : { workflowId }),
    ...(parentClosePolicy === undefined ? {} : { parentClosePolicy }),
  });
}

export interface How {
  readonly taskQueue: string;
  readonly workflowType: string;
  readonly workflowId?: string;
  readonly parentClosePolicy?: ParentClosePolicy;
}

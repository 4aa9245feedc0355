/** The page of a workflow in Temporal's UI. `ui` is the address of the UI; without a run, its newest one. */
export function workflowPage(
  ui: string,
  {
    namespace,
    workflowId,
    runId,
  }: { readonly namespace: string; readonly workflowId: string; readonly runId?: string },
): string {
  const workflow = `${workflowsPage(ui, namespace)}/${encodeURIComponent(workflowId)}`;
  return runId === undefined ? workflow : `${workflow}/${runId}`;
}

/** The list of workflows in Temporal's UI. */
export function workflowsPage(ui: string, namespace: string): string {
  return `${ui.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows`;
}

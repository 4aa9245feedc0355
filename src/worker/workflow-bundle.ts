import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

interface Variant {
  readonly traced?: boolean;
}

/**
 * The workflow code as a worker runs it, made from the sources: for the build, for development and for the tests. What is in
 * a bundle runs, so there is another one for a worker that sends traces; both take the same steps.
 */
export function bundleWorkflows({ traced = false }: Variant = {}): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: source('index.ts'),
    payloadConverterPath: source('payload-converter.ts'),
    workflowInterceptorModules: traced ? [source('traces.ts')] : [],
    logger: new DefaultLogger('WARN'),
  });
}

/** What `npm run build` names it, beside the worker. */
export function bundleFile({ traced = false }: Variant): string {
  return traced ? 'workflow-bundle-traced.js' : 'workflow-bundle.js';
}

function source(file: string): string {
  return fileURLToPath(new URL(`../workflows/${file}`, import.meta.url));
}

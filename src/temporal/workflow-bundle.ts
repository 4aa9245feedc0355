import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

/** The workflow code as a worker runs it, made from the sources: for the build, for development and for the tests. */
export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: source('index.ts'),
    payloadConverterPath: source('payload-converter.ts'),
    logger: new DefaultLogger('WARN'),
  });
}

function source(file: string): string {
  return fileURLToPath(new URL(`../workflows/${file}`, import.meta.url));
}

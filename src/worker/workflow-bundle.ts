import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';

interface Variant {
  readonly traced?: boolean;
}

/**
 * The workflow code as a worker runs it, made from the sources: for the build, for development and for the tests. What is in
 * a bundle runs, so there is another one for a worker that sends traces; both take the same steps.
 */
export async function bundleWorkflows({ traced = false }: Variant = {}): Promise<WorkflowBundle> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: source('index.ts'),
    payloadConverterPath: source('payload-converter.ts'),
    // Loaded once for all workflows of a worker, not once for each: no module of a workflow may keep anything (test/workflows/no-state).
    preloadModules: [source('index.ts')],
    workflowInterceptorModules: traced ? [source('traces.ts')] : [],
    logger: new DefaultLogger('WARN'),
    // Without columns: a worker keeps the source map unpacked, which took 10 MB.
    webpackConfigHook: (config) => ({ ...config, devtool: 'inline-nosources-cheap-module-source-map' }),
  });
  return { code: ascii(code) };
}

/** Node keeps a text with one other character in twice the memory. */
function ascii(code: string): string {
  return code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What `npm run build` names it, beside the worker. */
export function bundleFile({ traced = false }: Variant): string {
  return traced ? 'workflow-bundle-traced.js' : 'workflow-bundle.js';
}

function source(file: string): string {
  return fileURLToPath(new URL(`../workflows/${file}`, import.meta.url));
}

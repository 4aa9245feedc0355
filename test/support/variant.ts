import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A change of one file of the sources, as an editor would make it. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** The bundle of the workflow as it would be after these changes, or with interceptors of a test. The caller removes it. */
export interface Variant {
  readonly codePath: string;
  remove(): Promise<void>;
}

export async function bundleVariant(changes: readonly Change[], interceptors: string[] = []): Promise<Variant> {
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-variant-'));
  await cp(join(ROOT, 'src'), join(folder, 'src'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { file, find, replace } of changes) {
    const path = join(folder, file);
    const source = await readFile(path, 'utf8');
    if (!source.includes(find)) throw new Error(`${file} has no longer what this change replaces: ${find}`);
    await writeFile(path, source.replace(find, replace));
  }
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(folder, 'src/workflows/index.ts'),
    workflowInterceptorModules: interceptors,
    logger: new DefaultLogger('WARN'),
  });
  const codePath = join(folder, 'workflow-bundle.js');
  await writeFile(codePath, code);
  return { codePath, remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

const BEFORE_DEPLOY = '    await deployGreen(deployment);';
const ANNOUNCE = "await notify(deployment, 'held', 'info', 'Deploying now.');";

/** Tells people before green is deployed, without a thought for deployments under way. */
export const ANNOUNCED: readonly Change[] = [announced(ANNOUNCE)];

/** The same change, made so that deployments under way go on as they began. */
export const ANNOUNCED_WHEN_NEW: readonly Change[] = [
  announced(`if (patched('announce')) ${ANNOUNCE}`),
  {
    file: 'src/workflows/blue-green.ts',
    find: "workflowInfo } from '@temporalio/workflow';",
    replace: "workflowInfo, patched } from '@temporalio/workflow';",
  },
];

function announced(statement: string): Change {
  return {
    file: 'src/workflows/blue-green.ts',
    find: BEFORE_DEPLOY,
    replace: `    ${statement}\n${BEFORE_DEPLOY}`,
  };
}

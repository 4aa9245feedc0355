import { commandFailed, type Operation } from '../../plugin/index.ts';
import { exitFailure, findProgram, runCommand } from '../../processes/index.ts';
import type { RunContext } from '../../util/index.ts';
import type { ManifestText } from './manifests.ts';

/** Programs that build a kustomization, in the order in which they are searched. */
const BUILDERS = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
] as const;
const BUILD_MS = 60_000;

/** The command that builds a kustomization on this worker; undefined if there is no program for it. */
export async function findBuilder(): Promise<readonly string[] | undefined> {
  for (const [program, ...args] of BUILDERS)
    if ((await findProgram(program, process.env['PATH'])) !== undefined) return [program, ...args];
  return undefined;
}

/** @throws ApplicationFailure `CommandFailed` with what the program printed. */
export async function buildKustomization(folder: string, operation: Operation, run: RunContext): Promise<ManifestText> {
  const builder = await findBuilder();
  if (!builder)
    throw commandFailed("neither kustomize nor kubectl is on the worker's PATH: workload.kustomize needs one of them");
  const result = await runCommand({
    name: 'kustomize',
    command: [...builder, folder],
    operation,
    run,
    timeoutMs: BUILD_MS,
  });
  if (result.exitCode !== 0) throw exitFailure('kustomize', result);
  return { name: 'the kustomization', text: result.stdout };
}

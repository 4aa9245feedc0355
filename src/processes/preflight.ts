import type { EvidenceLine } from '../domain/index.ts';
import { findProgram } from './find-program.ts';

/** A program of the runbook, and the key that names it. */
interface NamedProgram {
  readonly key: string;
  readonly program: string | undefined;
}

/** Whether the programs can be run on this worker: they run in its environment, and are searched there. */
export async function findPrograms(programs: readonly NamedProgram[]): Promise<{
  readonly evidence: readonly EvidenceLine[];
  readonly problems: readonly { readonly found: string; readonly unblock: string }[];
}> {
  const found = await Promise.all(
    programs.flatMap(({ key, program }) =>
      program === undefined
        ? []
        : [
            findProgram(program, process.env['PATH']).then((path) => ({
              role: key.slice(key.lastIndexOf('.') + 1),
              key,
              isThere: path !== undefined,
              where: program.includes('/') ? 'at the path in the runbook' : "on the worker's PATH",
            })),
          ],
    ),
  );
  return {
    evidence: found.map(({ role, isThere, where }) => ({
      what: `program of ${role}`,
      measured: isThere ? `found ${where}` : `none that may be run ${where}`,
      required: 'a file that may be run',
      source: 'this worker',
    })),
    problems: found.flatMap(({ role, key, isThere, where }) =>
      isThere
        ? []
        : [
            {
              found: `the program of ${role} cannot be run: there is none ${where}`,
              unblock: `put the program of ${key} ${where} and make it executable, or correct the runbook`,
            },
          ],
    ),
  };
}

import type { EvidenceLine } from '../domain/index.ts';
import { messageOf } from '../util/index.ts';
import { commandEnvironment } from './command-environment.ts';
import { findProgram } from './find-program.ts';

/** A program of the runbook, and the key that names it. */
interface NamedProgram {
  readonly key: string;
  readonly program: string | undefined;
}

/** The variables that the programs get, and the key that names them. */
interface NamedVariables {
  readonly key: string;
  readonly names: readonly string[] | undefined;
}

interface Found {
  readonly evidence: readonly EvidenceLine[];
  readonly problems: readonly { readonly found: string; readonly unblock: string }[];
}

/** Whether the programs can be run on this worker, where they are searched, and their variables are set. */
export async function findPrograms(programs: readonly NamedProgram[], variables: NamedVariables): Promise<Found> {
  const found = await Promise.all(programs.map(({ key, program }) => findOne(key, program)));
  const all = [...found, findVariables(variables)];
  return {
    evidence: all.flatMap(({ evidence }) => evidence),
    problems: all.flatMap(({ problems }) => problems),
  };
}

async function findOne(key: string, program: string | undefined): Promise<Found> {
  if (program === undefined) return { evidence: [], problems: [] };
  const role = key.slice(key.lastIndexOf('.') + 1);
  const isThere = (await findProgram(program, process.env['PATH'])) !== undefined;
  const where = program.includes('/') ? 'at the path in the runbook' : "on the worker's PATH";
  const problem = {
    found: `the program of ${role} cannot be run: there is none ${where}`,
    unblock: `put the program of ${key} ${where} and make it executable, or correct the runbook`,
  };
  return {
    evidence: [
      {
        what: `program of ${role}`,
        measured: isThere ? `found ${where}` : `none that may be run ${where}`,
        required: 'a file that may be run',
        source: 'this worker',
      },
    ],
    problems: isThere ? [] : [problem],
  };
}

function findVariables({ key, names = [] }: NamedVariables): Found {
  const missing = names.flatMap((name) => {
    try {
      commandEnvironment([name]);
      return [];
    } catch (error) {
      const found = messageOf(error);
      return [{ name, found, unblock: `set ${name} and restart the worker, or remove it from ${key}` }];
    }
  });
  const measured = missing.length === 0 ? 'all set' : `not usable: ${missing.map(({ name }) => name).join(', ')}`;
  const line = { what: `variables of ${key}`, measured, required: 'all set', source: 'this worker' };
  return {
    evidence: names.length === 0 ? [] : [line],
    problems: missing.map(({ found, unblock }) => ({ found, unblock })),
  };
}

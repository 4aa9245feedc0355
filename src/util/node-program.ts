import { fileURLToPath } from 'node:url';

/** The extension of all our files: `.ts` in the sources, `.js` in what `npm run build` writes. */
const EXTENSION = import.meta.url.slice(-'.ts'.length);

/** What Node needs to run our files: tsx for the sources, by absolute path, so that they start from any working directory. */
export function loaderArguments(): readonly string[] {
  return EXTENSION === '.ts' ? ['--import', import.meta.resolve('tsx')] : [];
}

/** Node's arguments for a program of ours beside the file `from`: `programArguments(import.meta.url, './load-process')`. */
export function programArguments(from: string, program: string): readonly string[] {
  return [...loaderArguments(), fileURLToPath(new URL(`${program}${EXTENSION}`, from))];
}

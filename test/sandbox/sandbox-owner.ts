import { type SandboxOptions, startSandbox } from '../../src/sandbox/index.ts';

/** A process that owns a sandbox, for the tests to kill. */
const sandbox = await startSandbox({ rows: 20_000, ...(JSON.parse(process.argv[2] ?? '{}') as SandboxOptions) });
console.log(sandbox.directory);

export { recordTail } from './command-output.ts';
export { fenced } from './fence.ts';
export { findProgram } from './find-program.ts';
export { findPrograms } from './preflight.ts';
export { endGroup, signalGroup } from './process-group.ts';
export { exitFailure, fillCommand, runChange } from './run-change.ts';
export { type CommandInput, type CommandResult, fillPlaceholders, runCommand } from './run-command.ts';
export { SUPERVISOR } from './supervisor.ts';

import { registryWith } from '../../src/built-in.ts';

/** The built-in kinds. */
export const registry = registryWith();
export const { format } = registry;

import type { Config } from '../../../src/checks/postgres-indexes/schema.ts';
import type { CheckContext } from '../../../src/plugin/check.ts';
import { common } from './context.ts';
import { createCheck, createRemedy } from './create.ts';

export type Wanted = Config['indexes'][number];

/** The check of one wanted index, and its remedy; `changes` are to the index. */
export function indexCheck(wanted: Wanted, contextNow: () => CheckContext) {
  const config = (changes: Partial<Wanted> = {}): Config => ({
    ...common,
    kind: 'postgres-indexes',
    database: 'main',
    indexes: [{ ...wanted, ...changes }],
    queries: [],
    remedy: { create: 'concurrently', automatic: true, timeout: 60_000 },
  });
  return {
    config,
    look: (changes: Partial<Wanted> = {}) => createCheck(config(changes))(contextNow()),
    build: (changes: Partial<Wanted> = {}, context = contextNow()) => {
      const remedy = createRemedy(config(changes));
      if (!remedy) throw new Error('this check has a remedy');
      return remedy(context);
    },
  };
}

import { createCheck } from '../../../src/checks/create-check.ts';
import { createRemedy } from '../../../src/checks/create-remedy.ts';
import type { CheckContext } from '../../../src/plugin/check.ts';
import type { CheckOfKind } from '../../../src/runbook/schema.ts';
import { common } from './context.ts';

export type Wanted = CheckOfKind<'postgres-indexes'>['indexes'][number];

/** The check of one wanted index, and its remedy; `changes` are to the index. */
export function indexCheck(wanted: Wanted, contextNow: () => CheckContext) {
  const config = (changes: Partial<Wanted> = {}): CheckOfKind<'postgres-indexes'> => ({
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

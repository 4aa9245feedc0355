import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import { parseRunbook } from '../../src/runbook/load.ts';

const GUIDE = fileURLToPath(new URL('../../runbooks/recommendation.yaml', import.meta.url));
/** Where runbooks/recommendation.yaml looks for the sandbox: its default ports. */
const DEFAULT_ORIGIN = 'http://127.0.0.1:18080';

type Change = readonly [path: readonly (string | number)[], value: unknown];

/** The rule stays the guide's: three batches over a limit in a row; only they are shorter, which is less proof. */
const SHORT: readonly Change[] = [
  [['traffic', 0, 'soak'], '20s'],
  [['traffic', 0, 'approval', 'timeout'], '10m'],
  [['traffic', 1, 'soak'], '20s'],
  [['judge', 'batch'], '2s'],
  [['judge', 'minRequests'], 30],
  [['metrics', 'poll'], '1s'],
  [['watch'], { window: '10s', gateWindow: '1m' }],
  [['recovery', 'guard'], '5s'],
];

/**
 * `real-time`: the guide's own lengths. `short`: what makes two minutes of ten and thirty. `sixtieth`: seconds for
 * minutes, so that there are as many windows as in the guide's.
 */
const PACES = {
  'real-time': [],
  short: SHORT,
  sixtieth: [
    ...SHORT,
    [['traffic', 0, 'soak'], '10s'],
    [['traffic', 1, 'soak'], '30s'],
    [['watch'], { window: '5s', gateWindow: '1m' }],
  ],
} as const satisfies Record<string, readonly Change[]>;

export type Pace = keyof typeof PACES;

/**
 * Writes the guide's runbook into `folder`, with the sandbox's ports and the lengths of this pace.
 * @throws RunbookError when the result is no valid runbook.
 */
export async function writeDemoRunbook(folder: string, sandbox: Pick<Sandbox, 'routerUrl'>, pace: Pace): Promise<void> {
  const file = join(folder, 'recommendation.yaml');
  const text = demoRunbook(await readFile(GUIDE, 'utf8'), sandbox.routerUrl, pace);
  parseRunbook(text, file);
  await mkdir(folder, { recursive: true });
  await writeFile(file, text);
}

/** Pure. */
export function demoRunbook(guide: string, routerUrl: string, pace: Pace): string {
  const document = parseDocument(guide.replaceAll(DEFAULT_ORIGIN, routerUrl));
  for (const [path, value] of PACES[pace]) document.setIn(path, value);
  return document.toString();
}

import { ask } from '../../http-answer/index.ts';
import { commandFailed, type DeploymentTarget } from '../../plugin/index.ts';
import { fillPlaceholders } from '../../processes/index.ts';
import { redact } from '../../util/index.ts';
import type { Config } from './schema.ts';

const ANSWER_MS = 2_000;

/** What the application in a slot says: its version, or why none could be read. */
export interface SlotVersion {
  readonly slot: string;
  readonly version?: string;
  readonly problem?: string;
}

/** Asks the application in both slots for its version. */
export async function readVersions(
  { slots, versionPattern }: Config,
  { service }: Pick<DeploymentTarget, 'service'>,
  signal: AbortSignal,
): Promise<SlotVersion[]> {
  const pattern = new RegExp(versionPattern);
  return Promise.all(
    Object.entries(slots).map(async ([slot, { version: address }]) => {
      const [url = ''] = fillPlaceholders([address], { service: encodeURIComponent(service) });
      const answer = await ask(url, { timeoutMs: ANSWER_MS, signal });
      if ('unanswered' in answer) return { slot, problem: answer.unanswered };
      const version = pattern.exec(answer.body)?.[1];
      if (answer.status !== 200) return { slot, problem: `it answered ${answer.status}, expected 200` };
      if (version !== undefined) return { slot, version };
      return { slot, problem: `its answer has no version: ${JSON.stringify(redact(answer.body).slice(0, 100))}` };
    }),
  );
}

/**
 * The slots of blue and green. To go back to blue one of them is enough: the other version has the other slot.
 * @throws ApplicationFailure `CommandFailed` that says what each slot answered.
 */
export function slotsOf(
  found: readonly SlotVersion[],
  { blue, green }: Pick<DeploymentTarget, 'blue' | 'green'>,
  { greenIsNeeded }: { readonly greenIsNeeded: boolean },
): { readonly blue: string; readonly green: string } {
  const [first, second] = found;
  const slotWith = (version: string) => found.filter((each) => each.version === version);
  const other = (slot: string) => (slot === first?.slot ? second?.slot : first?.slot) ?? '';
  const [blues, greens] = [slotWith(blue), slotWith(green)];
  const [ofBlue] = blues;
  const [ofGreen] = greens;
  const isClear = blues.length <= 1 && greens.length <= 1;
  if (isClear && ofBlue && (ofGreen || !greenIsNeeded)) return { blue: ofBlue.slot, green: other(ofBlue.slot) };
  if (isClear && !ofBlue && ofGreen && !greenIsNeeded) return { blue: other(ofGreen.slot), green: ofGreen.slot };
  throw commandFailed(
    `the slots are not clear: ${found.map(wordsOf).join(', ')}; expected ${blue} in one${greenIsNeeded ? ` and ${green} in the other` : ''}`,
  );
}

export function wordsOf({ slot, version, problem }: SlotVersion): string {
  return `${slot} has ${version ?? `no known version (${problem ?? 'no answer'})`}`;
}

import type { DeploymentTarget } from '../domain/index.ts';
import { commandFailed, type RunContext, redact } from '../util/index.ts';
import type { Cluster } from './cluster.ts';
import { type ObjectRef, type PodOwner, RESOURCES } from './resources.ts';
import type { Place } from './schema.ts';

/** Remembers a version that a label cannot hold, beside the label. On the pod template. */
export const VERSION_ANNOTATION = 'bluegreen/version';
const LONGEST_LABEL = 63;

/** One of the two slots that take turns. */
export interface Slot {
  readonly name: string;
  /** Its Deployment or StatefulSet. */
  readonly owner: ObjectRef;
  readonly service: ObjectRef;
}

/** A slot as it is now. */
export interface SlotState extends Slot {
  /** Missing if its Deployment or StatefulSet does not exist. */
  readonly object?: PodOwner;
  /** What its pod template says; missing where it has no version. */
  readonly version?: string;
  /** How many replicas it should have, and how many are ready. */
  readonly wanted: number;
  readonly ready: number;
}

export type BothSlots = readonly [SlotState, SlotState];

/** The slots of the runbook. */
export function slotsOf({ namespace, slots }: Place): readonly [Slot, Slot] {
  const [first, second] = Object.entries(slots).map(([name, { deployment = name, statefulSet, service = name }]) => ({
    name,
    owner:
      statefulSet === undefined
        ? { resource: RESOURCES.deployment, namespace, name: deployment }
        : { resource: RESOURCES.statefulSet, namespace, name: statefulSet },
    service: { resource: RESOURCES.service, namespace, name: service },
  }));
  if (!first || !second) throw commandFailed('expected two slots in workload.slots');
  return [first, second];
}

/**
 * Both slots as they are now. A version that a label cannot hold, such as `2.5.0+7`, is recognised if it is one of the target.
 * @throws ApplicationFailure `CommandFailed` if they cannot be read.
 */
export async function readSlots(
  cluster: Cluster,
  place: Place,
  target: Pick<DeploymentTarget, 'blue' | 'green'>,
  run: RunContext,
): Promise<BothSlots> {
  const read = async (slot: Slot): Promise<SlotState> => {
    const object = await cluster.get<PodOwner>(slot.owner, run);
    if (!object) return { ...slot, wanted: 0, ready: 0 };
    const version = versionIn(object, place.versionLabel, [target.green, target.blue]);
    return {
      ...slot,
      object,
      ...(version !== undefined && { version }),
      wanted: object.spec.replicas ?? 1,
      ready: object.status?.readyReplicas ?? 0,
    };
  };
  const [first, second] = slotsOf(place);
  return Promise.all([read(first), read(second)]);
}

/** A version as the value of a label, which has no `+`: Helm writes `_` for it, too. */
export function asLabel(version: string): string {
  return version.replaceAll('+', '_');
}

/** @throws ApplicationFailure `CommandFailed` for a version that no label can hold. */
export function assertLabel(version: string): void {
  const label = asLabel(version);
  if (label.length <= LONGEST_LABEL && /[A-Za-z0-9]$/.test(label)) return;
  throw commandFailed(
    `the version ${version} cannot be the value of a label: expected at most ${LONGEST_LABEL} characters, the last one a letter or digit`,
  );
}

/**
 * Which slot is blue's, and which is green's: the other one. Where both have blue's version, the router decides.
 * @param said the slots by version, as the router says
 * @throws ApplicationFailure `CommandFailed` if that is not clear.
 */
export function blueAndGreen(
  states: BothSlots,
  { blue }: Pick<DeploymentTarget, 'blue'>,
  said: Readonly<Record<string, string>> | undefined,
): { readonly blue: SlotState; readonly green: SlotState } {
  const [first, second] = states;
  const named = states.find(({ name }) => name === said?.[blue]);
  const having = states.filter(({ version }) => version === blue);
  const found = named ?? (having.length === 1 ? having[0] : undefined);
  if (!found)
    throw commandFailed(
      `the slots are not clear: ${states.map(slotWords).join(', ')}; expected ${redact(blue)} in one of them`,
    );
  return { blue: found, green: found === first ? second : first };
}

/** `rec-blue has 2.4.0` */
export function slotWords({ name, version, object }: SlotState): string {
  if (version !== undefined) return `${name} has ${redact(version)}`;
  return `${name} ${object ? 'has no version label' : 'does not exist'}`;
}

function versionIn(
  { spec: { template } }: PodOwner,
  versionLabel: string,
  known: readonly string[],
): string | undefined {
  const label = template.metadata?.labels?.[versionLabel];
  if (label === undefined) return undefined;
  const kept = template.metadata?.annotations?.[VERSION_ANNOTATION];
  const candidates = [...known, ...(kept === undefined ? [] : [kept])];
  return candidates.find((version) => version !== '' && asLabel(version) === label) ?? label;
}

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BothSlots,
  nameOf,
  type ObjectRef,
  RESOURCES,
  refusedWith,
  type Service,
  type SlotState,
} from '../../kubernetes/index.ts';
import { commandFailed, type Evidence } from '../../plugin/index.ts';
import { messageOf, type RunContext } from '../../util/index.ts';
import { readyAddresses } from './endpoints.ts';
import { type Changed, lastChangeOf, ownerWords } from './gitops.ts';
import { type Means, type SlotShares, type SlotTraffic } from './traffic.ts';

const BETWEEN_READS_MS = 500;
const CHANGED: Changed = { fields: ['selector'], jqPath: '.spec.selector' };

/** The selector of one Service, which selects the pods of one slot or of the other. */
export function serviceTraffic(name: string, { cluster, place, settleMs }: Means): SlotTraffic {
  const ref: ObjectRef = { resource: RESOURCES.service, namespace: place.namespace, name };

  async function readService(run: RunContext): Promise<Service> {
    const service = await cluster.get<Service>(ref, run);
    if (service) return service;
    throw commandFailed(`there is no ${nameOf(ref)}: correct router.service, or create it`);
  }

  /** Waits until the Service has ready addresses, all of them of this slot. */
  async function confirm(slot: SlotState, run: RunContext): Promise<string> {
    const until = Date.now() + settleMs;
    for (;;) {
      const [own, ofSlot] = [await readyAddresses(cluster, ref, run), await readyAddresses(cluster, slot.service, run)];
      const strangers = own.filter((address) => !ofSlot.includes(address));
      if (own.length > 0 && strangers.length === 0) return `${own.length} ready, all of ${slot.name}`;
      const problem =
        own.length === 0
          ? 'it has no ready endpoint'
          : `${strangers.length} of its ${own.length} endpoints are not of ${slot.name}`;
      if (Date.now() + BETWEEN_READS_MS > until)
        throw commandFailed(
          `${nameOf(ref)} selects ${slot.name}, and after ${Math.round(settleMs / 1_000)} s ${problem}`,
        );
      run.heartbeat({ doing: `waiting for the endpoints of ${nameOf(ref)}`, problem });
      await sleep(BETWEEN_READS_MS, undefined, { signal: run.signal }).catch(() => run.signal.throwIfAborted());
    }
  }

  return {
    namespaces: [place.namespace],

    async set(percentage, roles, run): Promise<Evidence> {
      if (percentage !== 0 && percentage !== 100)
        throw commandFailed(
          `${nameOf(ref)} sends all traffic to one slot: ${percentage} % is not possible, only 0 or 100`,
        );
      const { to, from } =
        percentage === 100 ? { to: roles.green, from: roles.blue } : { to: roles.blue, from: roles.green };
      await cluster.change<Service>(ref, (service) => switchSelector(service, to, from), run);
      const endpoints = await confirm(to, run);
      return [
        { what: `${nameOf(ref)}, selector`, measured: `selects the pods of ${to.name}` },
        {
          what: `${nameOf(ref)}, endpoints`,
          measured: endpoints,
          required: `ready, all of ${to.name}`,
          source: 'EndpointSlices',
        },
      ];
    },

    async read(states, run): Promise<SlotShares> {
      const serving = selectedSlot(await readService(run), states);
      return new Map(states.map((state) => [state.name, state === serving ? 100 : 0]));
    },

    lastChange: async (run) => lastChangeOf(await readService(run), ref, CHANGED),

    async preflight(run) {
      try {
        const service = await readService(run);
        const owner = ownerWords(service, ref, CHANGED);
        return {
          evidence: [
            {
              what: nameOf(ref),
              measured: `selects ${JSON.stringify(service.spec.selector ?? {})}`,
              source: 'the API server',
            },
            ...(owner === undefined ? [] : [{ what: `who else owns ${nameOf(ref)}`, measured: owner }]),
          ],
          problems: [],
        };
      } catch (error) {
        run.signal.throwIfAborted();
        const found = messageOf(error);
        const unblock = 'correct router.service, or the Service, then recheck';
        const isKnown = refusedWith(error) === 403; // the permission that is missing is a problem already
        return { evidence: [{ what: nameOf(ref), measured: found }], problems: isKnown ? [] : [{ found, unblock }] };
      }
    },
  };
}

/** The slot whose pods a Service selects. @throws ApplicationFailure `CommandFailed` if these are none, or both. */
function selectedSlot(service: Service, states: BothSlots): SlotState {
  const selector = service.spec.selector ?? {};
  const entries = Object.entries(selector);
  const selected = states.filter((state) => entries.every(([key, value]) => labelsOf(state)[key] === value));
  const [only] = selected;
  if (only && selected.length === 1 && entries.length > 0) return only;
  throw commandFailed(
    `Service ${service.metadata.namespace}/${service.metadata.name} selects the pods of ${selected.length > 1 ? 'both slots' : 'neither slot'} with ${JSON.stringify(selector)}: ` +
      'write a label into its selector whose value differs between the pod templates of the two slots',
  );
}

/** Only labels whose values differ between the slots change; the rest of the selector stays. */
function switchSelector(service: Service, to: SlotState, from: SlotState) {
  const differing = Object.entries(service.spec.selector ?? {}).filter(
    ([key]) => labelsOf(to)[key] !== labelsOf(from)[key],
  );
  if (differing.length === 0) selectedSlot(service, [to, from]); // says what is wrong
  return differing.flatMap(([key, value]) => {
    const wanted = labelsOf(to)[key];
    if (wanted === undefined)
      throw commandFailed(
        `the pod template of ${to.name} has no label ${key}, which ${nameOf({ resource: RESOURCES.service, namespace: service.metadata.namespace ?? '', name: service.metadata.name })} selects by: add it`,
      );
    if (wanted === value) return [];
    const pointer = key.replaceAll('~', '~0').replaceAll('/', '~1');
    return [{ op: 'replace' as const, path: `/spec/selector/${pointer}`, value: wanted }];
  });
}

function labelsOf({ object }: SlotState): Readonly<Record<string, string>> {
  return object?.spec.template.metadata?.labels ?? {};
}

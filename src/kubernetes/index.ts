export { type AccessRule, observeAccess } from './access.ts';
export { type Cluster, FIELD_MANAGER, openCluster, type PatchOperation } from './cluster.ts';
export { FLUX_APPLY, leavesAlone, type Owner, ownerByManager, ownerOf, ownerTitle } from './owners.ts';
export { nameOf, refusedWith } from './refusal.ts';
export * from './resources.ts';
export { type Place, placeKeys, placeOf } from './schema.ts';
export { selectorText, selects } from './selectors.ts';
export { whyUnknown } from './served.ts';
export {
  asLabel,
  assertLabel,
  type BothSlots,
  blueAndGreen,
  readSlots,
  type Slot,
  type SlotState,
  slotsOf,
  slotWords,
  VERSION_ANNOTATION,
} from './slots.ts';

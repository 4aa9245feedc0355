import type { Condition } from '../../kubernetes/index.ts';
import { redact } from '../../util/index.ts';
import type { IstioMessage, ParentRef, ParentStatus, Route } from './route-kinds.ts';

/** What the gateways of a route say of it as it is now. */
export interface Acceptance {
  /** Gateways that have accepted this generation, by name. */
  readonly accepted: readonly string[];
  /** Gateways that have not answered yet, of those that answered before. */
  readonly awaited: readonly string[];
  /** In the gateway's own words: the route as a whole, or one of its backends. */
  readonly refused: readonly Refusal[];
  /** Gateways that the route names and that have never answered: no controller serves them. */
  readonly silent: readonly string[];
  /** What Istio's analysis found in this generation: errors apart from what it only remarks, or said of an older one. */
  readonly errors: readonly string[];
  readonly remarks: readonly string[];
}

interface Refusal {
  /** `Accepted` or `ResolvedRefs` */
  readonly condition: string;
  readonly words: string;
}

const CONDITIONS = ['Accepted', 'ResolvedRefs'];

/** Entries for gateways that the route names no more are left out: nobody renews them. */
export function acceptanceOf(route: Route): Acceptance {
  const { metadata, spec, status } = route;
  const wanted = ((spec['parentRefs'] ?? []) as readonly ParentRef[]).map((ref) => keyOf(ref, metadata.namespace));
  const parents = (status?.parents ?? []).filter(({ parentRef }) =>
    wanted.includes(keyOf(parentRef, metadata.namespace)),
  );
  const known = parents.map(({ parentRef }) => keyOf(parentRef, metadata.namespace));
  const isCurrent = ({ observedGeneration }: { readonly observedGeneration?: number }): boolean =>
    observedGeneration === undefined || observedGeneration >= (metadata.generation ?? 0);
  const conditionsOf = ({ conditions = [] }: ParentStatus) =>
    conditions.filter(({ type }) => CONDITIONS.includes(type));
  const isAnswered = (parent: ParentStatus): boolean => {
    const current = conditionsOf(parent).filter(isCurrent);
    return CONDITIONS.every((type) => current.some((one) => one.type === type));
  };
  const refused = parents.flatMap((parent) =>
    conditionsOf(parent)
      .filter((condition) => isCurrent(condition) && condition.status !== 'True')
      .map((condition) => ({ condition: condition.type, words: wordsOf(parent, condition) })),
  );
  return {
    accepted: parents
      .filter((parent) => isAnswered(parent) && conditionsOf(parent).every(({ status: is }) => is === 'True'))
      .map(nameOfParent),
    awaited: parents.filter((parent) => !isAnswered(parent)).map(nameOfParent),
    refused,
    silent: wanted.filter((key) => !known.includes(key)).map((key) => key.split(' ')[1] ?? key),
    ...analysisOf(route),
  };
}

/** Where istiod was replaced, messages may stay that were true of an older generation: they keep nobody from a shift. */
function analysisOf({ metadata, status }: Route): Pick<Acceptance, 'errors' | 'remarks'> {
  const { observedGeneration = 0, validationMessages = [] } = status ?? {};
  const isOld = Number(observedGeneration) < (metadata.generation ?? 0);
  const isError = ({ level }: IstioMessage): boolean => level === 'ERROR' && !isOld;
  const said = (messages: readonly IstioMessage[]): string[] => [...new Set(messages.map(analysisWords))];
  return {
    errors: said(validationMessages.filter(isError)),
    remarks: said(validationMessages.filter((message) => !isError(message))).map((words) =>
      isOld ? `${words}, of generation ${observedGeneration}` : words,
    ),
  };
}

/** `ERROR IST0101` */
function analysisWords({ type: { name, code } = {}, level }: IstioMessage): string {
  return [level, name, code].filter(Boolean).join(' ');
}

function keyOf({ kind = 'Gateway', namespace, name, sectionName, port }: ParentRef, own = ''): string {
  return [kind, `${namespace ?? own}/${name}`, sectionName ?? '', port ?? ''].join(' ');
}

function nameOfParent({ parentRef: { kind = 'Gateway', name } }: ParentStatus): string {
  return `${kind} ${name}`;
}

function wordsOf(parent: ParentStatus, { type, status, reason, message }: Condition): string {
  return `${nameOfParent(parent)} says ${type} is ${status}${reason === undefined ? '' : ` (${reason})`}${message === undefined ? '' : `: ${message}`}`;
}

/** What the gateways and Istio say, in words for people. */
export function acceptanceWords({ accepted, awaited, refused, silent, errors, remarks }: Acceptance): string {
  const words = [
    ...(accepted.length > 0 ? [`accepted by ${accepted.join(' and ')}`] : []),
    ...refused.map((each) => redact(each.words)),
    ...(awaited.length > 0 ? [`${awaited.join(' and ')} has not answered yet`] : []),
    ...(silent.length > 0 ? [`no controller answers for ${silent.join(' and ')}`] : []),
  ];
  const analysis = [...errors, ...remarks];
  return [
    words.join('; ') || 'not known: this route has no such status, so no gateway confirms a change of weights',
    ...(analysis.length > 0 ? [`Istio's analysis says ${redact(analysis.join('; '))}`] : []),
  ].join('; ');
}

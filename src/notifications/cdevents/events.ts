import type { NotificationEvent } from '../../domain/index.ts';
import type { NotificationMessage } from '../../plugin/index.ts';

const VERSION = '0.4.1';

/** A CDEvent, as https://github.com/cdevents/spec/tree/v0.4.1 describes it. */
export interface CdEvent {
  readonly context: {
    readonly version: string;
    readonly id: string;
    readonly source: string;
    readonly type: string;
    /** ISO 8601. */
    readonly timestamp: string;
  };
  readonly subject: { readonly id: string; readonly source: string; readonly type: string; readonly content: object };
  readonly customData: object;
  readonly customDataContentType: string;
}

type Subject = 'service' | 'incident' | 'pipelineRun';
type What = readonly [Subject, predicate: string, content: object];

/** Missing: CDEvents has no word for it, and nothing is sent. */
const EVENTS: Partial<Record<NotificationEvent, (given: Given) => readonly What[]>> = {
  started: ({ pipelineRun }) => [['pipelineRun', 'started', pipelineRun]],
  shifted: ({ service, green }) => [['service', 'deployed', { ...service, artifactId: green }]],
  'rolling-back': ({ incident }) => [['incident', 'detected', incident]],
  'rollback-stalled': ({ incident }) => [['incident', 'detected', incident]],
  'rolled-back': ({ service, blue, incident, pipelineRun, text, isOver }) => [
    ['service', 'rolledback', { ...service, artifactId: blue }],
    ...(isOver ? [['incident', 'resolved', incident] as const] : []),
    ['pipelineRun', 'finished', { ...pipelineRun, outcome: 'failure', errors: text }],
  ],
  completed: ({ service, green, pipelineRun }) => [
    ['service', 'upgraded', { ...service, artifactId: green }],
    ['pipelineRun', 'finished', { ...pipelineRun, outcome: 'success' }],
  ],
  refused: ({ pipelineRun, text }) => [
    ['pipelineRun', 'finished', { ...pipelineRun, outcome: 'failure', errors: text }],
  ],
};

/** What is sent as CDEvents. */
export const WITH_CD_EVENTS = Object.keys(EVENTS) as readonly NotificationEvent[];

interface Given {
  readonly text: string;
  /** Not while green still gets requests after a rollback. */
  readonly isOver: boolean;
  /** The package URLs of both versions. */
  readonly blue: string;
  readonly green: string;
  /** The content of each subject. */
  readonly service: object;
  readonly incident: object;
  readonly pipelineRun: object;
}

/**
 * The CDEvents of a notification; none if CDEvents has no word for it. Their ids are the same in each attempt.
 * @param artifactOf the package URL of a version
 */
export function cdEvents(message: NotificationMessage, artifactOf: (version: string) => string): readonly CdEvent[] {
  const { event, key, at, severity, text, greenPercentage, target, command, link } = message;
  const { deployment, service, environment } = target;
  const source = `/${deployment}`;
  const whats = event && EVENTS[event];
  if (!whats || at === undefined) return [];
  const where = { environment: { id: environment } };
  const green = artifactOf(target.green);
  const given = {
    text,
    isOver: severity !== 'critical',
    blue: artifactOf(target.blue),
    green,
    service: where,
    incident: { ...where, service: { id: service }, artifactId: green, description: text },
    pipelineRun: { pipelineName: `${environment}/${service}`, url: link ?? source },
  };
  const customData = { severity, text, blue: target.blue, green: target.green, greenPercentage, command, link };
  return whats(given).map(([type, predicate, content]) => ({
    context: {
      version: VERSION,
      id: `${key}/${type}-${predicate}`,
      source,
      type: `dev.cdevents.${type.toLowerCase()}.${predicate}.0.2.0`,
      timestamp: new Date(at).toISOString(),
    },
    subject: { id: type === 'service' ? service : deployment, source, type, content },
    customData,
    customDataContentType: 'application/json',
  }));
}

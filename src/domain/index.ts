export type { Activities, QueueActivities, ReportInput } from './activities.ts';
export type {
  BlueRecovered,
  FurtherResult,
  FurtherState,
  GreenLeft,
  ResolvedRollback,
  RetiredBlue,
  RollbackInput,
  TrafficMoved,
  TrafficRestored,
  WatchHeartbeat,
  WatchInput,
  WatchState,
  WindowResult,
} from './activity-results.ts';
export { availableDecisions } from './available-decisions.ts';
export { ACTIONS, type Action, type Decision, type DecisionAnswer, type DecisionRecord } from './decision.ts';
export {
  approvalsConfirmed,
  decide,
  describe,
  ignore,
  parseDecision,
  refusal,
  refuseToOverride,
  takenAnswer,
} from './decisions.ts';
export { METRICS, type Measurement, measurementsOf } from './deployment-metrics.ts';
export { FAILURE } from './errors.ts';
export { rollbackPromise, schemaStays } from './forward-only.ts';
export {
  FREEZE_DEFAULTS,
  type Freeze,
  type FreezePlan,
  type FreezeRequest,
  freezeAddressInId,
  freezesEnd,
  freezeWords,
  freezeWorkflowId,
} from './freeze.ts';
export { furtherWords } from './further-text.ts';
export {
  type GateStatus,
  groupOf,
  isApproved,
  isNamed,
  isPending,
  missingApprovals,
  needsConfirmation,
  type PendingApproval,
  type Principals,
  pendingWords,
  withoutAnswer,
} from './gate.ts';
export type { MetricCursor } from './metric-cursor.ts';
export type { Notification, NotificationReferences } from './notification.ts';
export { DEFAULT_EVENTS, isSent, NOTIFICATION_EVENTS, type NotificationEvent } from './notification-events.ts';
export { isSamePerson } from './people.ts';
export {
  ANSWER_MS,
  type Approval,
  addressInId,
  type CheckResult,
  DEFAULT_ENVIRONMENT,
  type DeploymentPlan,
  type DeploymentRequest,
  type DeploymentTarget,
  deploymentWorkflowId,
  type EvidenceLine,
  extensionMs,
  keepBlueWorkflowId,
  type LiveCounts,
  type MeasuredCounts,
  type PlannedCheck,
  type RemedyResult,
  type RollbackRequest,
  type TrafficStep,
} from './plan.ts';
export { type Holder, holderWords, type Progress, progressOf, progressWords } from './progress.ts';
export { dueStart, enqueued, parseQueuedStart, type QueuedStart, queueWorkflowId } from './queue.ts';
export { greenLeftWords, isNotFollowed, recoveryWords, restoredWords, rolledBackWords } from './recovery-text.ts';
export { buildReport, type DeploymentReport, REPORT_SCHEMA_VERSION } from './report.ts';
export { SEARCH_ATTRIBUTES, type SearchAttribute } from './search-attributes.ts';
export { isBuiltIn, SERVICE_NAME, SERVICE_NAME_RULE } from './service-name.ts';
export {
  type CheckStatus,
  currentStep,
  type DeploymentStatus,
  type FinishedWindow,
  isClosed,
  isGuarded,
  isPassed,
  isReadBack,
  isStuck,
  isToMeasure,
  isUnderWay,
  type MovedStatus,
  openGate,
  PHASES,
  type Phase,
  type RollbackCause,
  type RollbackStatus,
  type StepStatus,
  type UndecidedStatus,
  type WaitingFor,
} from './status.ts';
export { type CutShort, cutShort } from './step-end.ts';
export { titleOf } from './title.ts';
export {
  abortOfDeployments,
  because,
  deploymentsOf,
  failureOf,
  isEnding,
  isTrainOver,
  STATE_WORDS,
  type TrainDeployment,
  type TrainDeploymentState,
  type TrainPhase,
  type TrainPlan,
  type TrainRequest,
  type TrainStatus,
  trainNameIn,
  trainWorkflowId,
  wordsOf,
} from './train.ts';
export {
  trainCancelled,
  trainClosed,
  trainDecided,
  trainDeploymentChanged,
  trainEntered,
  trainMessageIgnored,
  trainOpened,
  trainPlanned,
  trainRefusal,
} from './train-transitions.ts';
export {
  blueKept,
  blueRecovered,
  checklistBegun,
  checklistReopened,
  checkMeasured,
  checkStarted,
  closed,
  entered,
  gatePassed,
  greenDeployed,
  heldBy,
  heldNoMore,
  notificationGivenUp,
  opened,
  planned,
  remedyEnded,
  remedyStarted,
  reportKept,
  rollbackBegun,
  rollbackOpened,
  rollbackResolved,
  roundBegun,
  roundFailed,
  shiftBegun,
  soakExtended,
  soakProven,
  stepBegun,
  trafficMoved,
  trafficRestored,
  trafficSetRight,
  undecidedBegun,
  undecidedEnded,
  watchFailed,
  windowClosed,
} from './transitions.ts';
export { unblockInShort, unblockWords, waitingFor } from './waiting-for.ts';

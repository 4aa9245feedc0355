/**
 * What a plugin is made of: `bluegreen/plugin`. docs/plugins.md shows how to write one. `z` and the values of a runbook are
 * here, too, so that a plugin needs no other package.
 */
export { z } from 'zod';
export type { DeploymentTarget, EvidenceLine, Holder, MetricCursor, Notification, Progress } from '../domain/index.ts';
export type { Limits } from '../judge/index.ts';
export {
  command,
  commandEnv,
  commandRemedySchema,
  duration,
  envName,
  httpUrl,
  latencyLimit,
  name,
  type Runbook,
  type RunbookParts,
  type RunbookProblem,
  remedyBase,
  share,
  template,
} from '../runbook/index.ts';
export type { Operation, RunContext } from '../util/index.ts';
export { commandFailed, readVariable, redact, TookTooLong, trafficDisagrees } from '../util/index.ts';
export type { Check, CheckContext, NamedNotifier, Remedy } from './check.ts';
export {
  type AskedInterval,
  countedByInterval,
  type IntervalAnswer,
  type IntervalFacts,
  type IntervalSource,
} from './counted-by-interval.ts';
export {
  type CounterSource,
  countedBetween,
  type Reading,
  type SeriesReading,
} from './counters.ts';
export { definePlugin, type Kinds, type Plugin, PORT_VERSION } from './define-plugin.ts';
export { greenNeverHealthy, greenUnhealthy, metricsUnavailable } from './failures.ts';
export { addCounts, NO_COUNTS } from './fresh-counts.ts';
export {
  GAP_INTERVALS,
  HistoryError,
  type HistoryInterval,
  type HistoryQuestion,
  inWholeNumbers,
  type TrafficHistory,
} from './history.ts';
export {
  type CheckKind,
  checkKind,
  type KindContext,
  type Logger,
  type MetricsContext,
  type MetricsKind,
  metricsKind,
  type NotificationKind,
  notificationKind,
  type PlatformContext,
  type RouterKind,
  routerKind,
  type WorkloadContext,
  type WorkloadKind,
  workloadKind,
} from './kinds.ts';
export { type BluegreenConfig, loadPlugins } from './load-plugins.ts';
export {
  apartMs,
  type FreshCounts,
  type MetricInspection,
  type MetricInterval,
  type MetricReading,
  type MetricSource,
  type Range,
} from './metric-source.ts';
export { type NotificationMessage, type Notifier, RetryLater } from './notifier.ts';
export { type Finding, findingOf, type Observation, type Problem } from './observation.ts';
export { PluginError } from './plugin-error.ts';
export { readSlots } from './read-slots.ts';
export { createRegistry, type Registry } from './registry.ts';
export type { Router, Slots, TrafficShares } from './router.ts';
export { type Bucket, sumOfBuckets } from './sum-of-buckets.ts';
export type { Evidence, InstancesSeen, Workload } from './workload.ts';

/**
 * The whole error vocabulary that crosses from an activity to the workflow or from the workflow to a person: the `type`
 * of an ApplicationFailure. Pure: part of the workflow bundle.
 */
export const FAILURE = {
  /** The request or the runbook cannot be used; nothing was deployed. Closes the deployment. */
  InvalidRequest: 'InvalidRequest',
  /** The checklist was not passed in its time, or a person ended it; nothing was deployed. Closes the deployment. */
  ChecklistFailed: 'ChecklistFailed',
  /** Something went wrong after the first change and all traffic is verifiably back on blue. Closes the deployment. */
  DeploymentRolledBack: 'DeploymentRolledBack',
  /** A train did not deploy all that it should. Closes the train. */
  TrainFailed: 'TrainFailed',
  /** A command of the platform ended with a failure, or could not be started. Never retried: the command said no. */
  CommandFailed: 'CommandFailed',
  /** The parts of a router, such as its processes or routes, split the traffic differently. */
  TrafficDisagrees: 'TrafficDisagrees',
  /** What the platform reports is not what was asked for. */
  NotInEffect: 'NotInEffect',
  /** Green did not answer its health check in time. */
  GreenUnhealthy: 'GreenUnhealthy',
  /** The metrics could not be read. Retried: a metrics outage says nothing about a version. */
  MetricsUnavailable: 'MetricsUnavailable',
  /** The metrics cannot be read, or cannot be judged, so no traffic is shifted: there would be no evidence of green's health. */
  MetricsUnusable: 'MetricsUnusable',
  /** The runbook this deployment started with is not to be found on this worker. */
  RunbookUnavailable: 'RunbookUnavailable',
  /** Every attempt to watch failed for a while. The details are what was seen before. The deployment notifies people and tries on. */
  CannotWatch: 'CannotWatch',
  /** A freeze holds: no traffic was shifted. The details are the freezes; the deployment waits for their end. */
  Frozen: 'Frozen',
  /** A channel of the runbook did not take a notification. Retried for a while. */
  NotificationFailed: 'NotificationFailed',
} as const;

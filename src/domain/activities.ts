import type { Because, JudgeRules, JudgeState, Verdict } from '../judge/index.ts';
import type {
  CheckResult,
  DeploymentPlan,
  DeploymentRequest,
  DeploymentTarget,
  EvidenceLine,
  LiveCounts,
  MeasuredCounts,
  RemedyResult,
} from './plan.ts';
import type { Reading } from './reading.ts';
import type { DeploymentReport } from './report.ts';

/** What the watch carries from window to window and from worker to worker; opaque to the workflow, a few KB at most. */
export interface WatchCarry {
  /** Cumulative counters up to which everything was judged. */
  readonly reading: Reading | null;
  readonly judge: JudgeState | null;
  /** When the soak began that `judge` is about. */
  readonly soakStartedAt: number;
}

export interface WatchInput {
  readonly target: DeploymentTarget;
  readonly rules: JudgeRules;
  readonly pollMs: number;
  /** When the soak began; a new value begins a new soak. */
  readonly soakStartedAt: number;
  /** How long it is meant to be. */
  readonly soakMs: number;
  /** What green is to get of the traffic, 0 to 100. */
  readonly percentage: number;
  /** The window closes then, whoever watches: absolute, so that a retry goes on instead of starting over. */
  readonly until: number;
  /** From then on it closes at the first healthy verdict: a soak without proof goes on no longer than it needs. */
  readonly healthyFrom?: number;
  readonly carry: WatchCarry;
}

/** A finished window. */
export interface WindowResult {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly because?: Because;
  /** What it waits for has not come within its budget. */
  readonly exhausted?: true;
  /** How much more time the proof of health needs at this rate, where that can be said. */
  readonly missingMs?: number;
  readonly from: number;
  readonly to: number;
  /** What the soak counted in this window. */
  readonly green: MeasuredCounts;
  readonly blue: MeasuredCounts;
  /** What was counted from the baseline to the soak's first reading, while the traffic was shifted: none of the soak's. */
  readonly shifting?: { readonly green: MeasuredCounts; readonly blue: MeasuredCounts };
  readonly carry: WatchCarry;
}

/** What a running window says of itself in its heartbeat, for live views. */
export interface WatchHeartbeat extends WindowResult {
  /** The newest interval alone: counts over `intervalMs`. */
  readonly latest?: { readonly intervalMs: number; readonly green: LiveCounts; readonly blue: LiveCounts };
  /** Why the newest poll brought nothing, if so. */
  readonly problem?: string;
}

export interface RollbackInput {
  readonly target: DeploymentTarget;
  readonly rules: JudgeRules;
  readonly pollMs: number;
  readonly round: number;
  /** No shift of traffic to green was ever begun. */
  readonly neverShifted?: true;
  /** The activity gives up then, saying what it last saw. */
  readonly until: number;
}

/** The platform said that blue has all traffic. */
export interface TrafficRestored {
  readonly startedAt: number;
  readonly restoredAt: number;
  /** It was read back; missing where the platform has no status command. */
  readonly readBack?: true;
  readonly evidence: readonly EvidenceLine[];
}

/** Blue carries all traffic and is proven healthy over fresh requests, or that proof was done without. */
export interface BlueRecovered {
  /** When it was proven, or accepted. */
  readonly healthyAt: number;
  /** Fresh requests of blue alone that kept the limits. */
  readonly requests: number;
  readonly evidence: readonly EvidenceLine[];
  /** Missing where blue's health is proven. */
  readonly accepted?: AcceptedRecovery;
}

/** Blue's health is not proven: what was accepted instead, and by whom. */
interface AcceptedRecovery {
  readonly what: string;
  readonly by: string;
}

export interface Notification {
  readonly target: DeploymentTarget;
  readonly severity: 'info' | 'warning' | 'critical';
  readonly text: string;
}

export interface ReportInput {
  /** `<workflowId>/<run id>`: as in the target, where there was one. */
  readonly deployment: string;
  readonly report: DeploymentReport;
}

/** Everything the workflow asks of the world. Each may run twice; each says below how it fails. */
export interface Activities {
  /** Loads and validates the runbook and the request, finds blue. Throws `InvalidRequest`, final. */
  resolvePlan(request: DeploymentRequest): Promise<DeploymentPlan>;
  /** Measures one check. A failed check, and one that could not be measured, are values; errors are lost workers. */
  runCheck(input: {
    readonly target: DeploymentTarget;
    readonly checkId: string;
    /** Green is deployed already, with its pool open: right before the first shift. */
    readonly greenIsUp?: boolean;
  }): Promise<CheckResult>;
  /** Runs what the runbook names to mend a check that failed. A remedy that did not help is a value, too. */
  runRemedy(input: { readonly target: DeploymentTarget; readonly checkId: string }): Promise<RemedyResult>;
  /**
   * The metrics can be read and judged; the carry is the counters of this moment, from which the first soak counts. Throws
   * `MetricsUnusable`, final, when they are not usable or have nothing fresh within `timeoutMs`.
   */
  readBaseline(input: {
    readonly target: DeploymentTarget;
    readonly rules: JudgeRules;
    readonly timeoutMs: number;
  }): Promise<{ readonly carry: WatchCarry }>;
  /** Green runs at 0 % and answers its health check. */
  deployGreen(input: {
    readonly target: DeploymentTarget;
    readonly timeoutMs: number;
  }): Promise<{ readonly evidence: readonly EvidenceLine[] }>;
  /** Green gets `percentage` of the traffic, read back. Throws `CommandFailed` or `NotInEffect`, final. */
  shiftTraffic(input: {
    readonly target: DeploymentTarget;
    readonly percentage: number;
    readonly timeoutMs: number;
  }): Promise<{ readonly shiftedAt: number; readonly evidence: readonly EvidenceLine[] }>;
  /** Watches one window and returns its verdict as a value, also when asked to close early by cancellation. */
  watchWindow(input: WatchInput): Promise<WindowResult>;
  /** All traffic back on blue and green stopped, read back. Throws when that did not happen. */
  restoreTraffic(input: RollbackInput): Promise<TrafficRestored>;
  /**
   * Waits until blue proves healthy over fresh requests that all go to blue, or until little traffic and its health check
   * have to do: `accepted` says so. Throws when neither comes in its time.
   */
  verifyRecovery(input: RollbackInput & { readonly restoredAt: number }): Promise<BlueRecovered>;
  /** Watches until `until` that no late command moves the traffic; `moved` says what was seen if one did. */
  guardTraffic(input: RollbackInput): Promise<{ readonly moved?: string }>;
  /** Tells people. Never worth failing a deployment for. */
  notify(notification: Notification): Promise<void>;
  /** Writes the report of a deployment that has ended, as HTML, JSON and Markdown. Throws when it cannot be kept. */
  writeReport(input: ReportInput): Promise<{
    /** The folder, below the worker's state directory. */
    readonly where: string;
  }>;
}

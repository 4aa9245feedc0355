import { z } from 'zod';
import { ACTIONS, REPORT_SCHEMA_VERSION } from '../domain/index.ts';

/**
 * What a written report holds, for those who read it by program: docs/report.schema.json is made from it, and tests
 * compare it with real reports. A new key is no new version; a key that goes, or means something else, is.
 */

const at = (what: string) => z.number().int().describe(`${what}, epoch milliseconds`);
const ms = (what: string) => z.number().describe(`${what}, in milliseconds`);
const text = (what: string) => z.string().describe(what);
const whole = (what: string) => z.number().min(0).describe(what);
const percentage = z.number().min(0).max(100).describe("Green's share of the traffic in percent");
const verdict = z.enum(['healthy', 'breached', 'inconclusive']).describe('What the judge thought then');

const evidence = z
  .array(
    z.strictObject({
      what: text('What was checked'),
      measured: text('What was found'),
      required: text('What was asked for').optional(),
      source: text('Where it was found').optional(),
    }),
  )
  .describe('The proof, line by line');

const counts = {
  requests: whole('Requests'),
  failed: whole('Those that failed'),
  slow: whole('Those over the latency limit, failed ones included; null where there is no such limit').nullable(),
  timed: whole('Those whose duration was counted, of which some are slow; missing: all of them').optional(),
};
const pointCounts = z.strictObject({
  ...counts,
  meanMs: ms('Mean time of an answer; null or missing where it was not measured').nullable().optional(),
});

const decision = z.strictObject({
  action: z.enum(ACTIONS).describe('What was decided'),
  by: text('Who decided, as the sender said'),
  reason: text('Why').optional(),
  gate: text('The gate it was meant for').optional(),
  check: text('The check it was about').optional(),
  remedy: z.literal(true).describe('With the remedy').optional(),
  decisionId: text('The same id counts once').optional(),
  at: at('When it came'),
  taken: z.boolean().describe('Whether it counted'),
  why: text('Why it did not').optional(),
});

const check = z.strictObject({
  id: text('Its id in the runbook'),
  title: text('Its title'),
  group: text('Its group'),
  critical: z.boolean().describe('Whether it may never be waived'),
  checkedBy: z.enum(['worker', 'person']).describe('Who measures or attests it'),
  statement: text('What a person confirms').optional(),
  timeoutMs: ms('Bound of the measuring'),
  again: z.literal(true).describe('Measured again right before the first shift').optional(),
  remedy: z
    .strictObject({ automatic: z.boolean().describe('Runs by itself'), timeoutMs: ms('Its bound') })
    .describe('What may be run when it fails')
    .optional(),
  outcome: z
    .enum(['waiting', 'running', 'fixing', 'passed', 'failed', 'unmeasured', 'attested', 'waived'])
    .describe('How it stands'),
  result: z
    .strictObject({
      passed: z.boolean().describe('Whether it passed'),
      summary: text('What was found, in a sentence'),
      evidence,
      unblock: text('What would make it pass').optional(),
      unmeasured: z.literal(true).describe('It could not be measured at all').optional(),
      forwardOnly: z.array(text('Its name')).describe('Migrations that a rollback does not undo').optional(),
      checkedAt: at('When it was measured'),
      durationMs: ms('How long that took'),
    })
    .describe('The newest measurement')
    .optional(),
  asked: z
    .strictObject({ by: text('Who'), remedy: z.boolean().describe('With its remedy') })
    .describe('Asked to be measured again, and not begun')
    .optional(),
  remedies: z
    .array(
      z.strictObject({
        by: text('For whom it was run'),
        done: z.boolean().describe('Whether it did what it should'),
        summary: text('What it did'),
        output: text('The end of what it printed, redacted').optional(),
        startedAt: at('When it began'),
        durationMs: ms('How long it took'),
      }),
    )
    .describe('Remedies that were run, the newest last')
    .optional(),
  decidedBy: z
    .strictObject({ by: text('Who'), reason: text('Why').optional(), at: at('When') })
    .describe('Who waived or attested it')
    .optional(),
});

const window = z.strictObject({
  from: at('Its beginning'),
  to: at('Its end'),
  verdict,
  reason: text('Why, with the counts'),
  code: text('Why, for programs').optional(),
  exhausted: z.literal(true).describe('What it waited for did not come in its time').optional(),
  missingMs: ms('How much more time its proof of health needed at that rate').optional(),
  green: z.strictObject(counts).describe('Requests of the new version'),
  blue: z.strictObject(counts).describe('Requests of the version before'),
  shifting: z
    .strictObject({ green: z.strictObject(counts), blue: z.strictObject(counts) })
    .describe('Requests from the baseline to the first reading of the soak, while the traffic was shifted')
    .optional(),
});

const step = z.strictObject({
  percentage,
  shiftedAt: at('When green had that share'),
  soakUntil: at('Planned end of the soak, extensions included'),
  extended: z
    .strictObject({ at: at('When it was extended first'), reason: text('Why, with the counts') })
    .describe('It was not proven healthy in its time, and went on')
    .optional(),
  provenAt: at('When it was proven healthy').optional(),
  windows: z.array(window).describe('The newest windows of the watch'),
  analysis: z
    .array(
      z.strictObject({
        name: text('Its name in the runbook'),
        kind: z.enum(['counted', 'query']).describe('Whether it is a share of counts or the value of a query'),
        critical: z.boolean().describe('Whether it decides'),
        verdict,
        reason: text('Why, with the counts'),
        code: text('Why, for programs').optional(),
        green: z.number().describe("Green's share in the soak, 0 to 1, or the value; null if not measured").nullable(),
        blue: z.number().describe("Blue's share; null if not measured").nullable(),
      }),
    )
    .describe('The further metrics at the end of the newest window')
    .optional(),
  gate: z
    .strictObject({
      id: text('Its name, after the shift that it guards'),
      required: whole('Approvals needed'),
      approvedBy: z.array(z.string()).describe('Who approved'),
      approvers: z.array(z.string()).describe('Who could approve; missing if anybody could').optional(),
      notRequester: z.literal(true).describe('Who requested the deployment could not approve it').optional(),
      rejections: whole('Rejections needed to roll back; missing if one').optional(),
      rejectedBy: z.array(z.string()).describe('Who rejected it, where one rejection was not enough').optional(),
      identity: z.literal('principal').describe('An approval needed an authenticated sender').optional(),
      pending: z
        .array(
          z.strictObject({
            by: text('Who approved'),
            at: at('When'),
            reason: text('Why').optional(),
            decisionId: text('The id of the decision').optional(),
            signal: whole('As which signal approve it came').optional(),
          }),
        )
        .describe('Approvals that were not confirmed when the gate was closed')
        .optional(),
      pendingProblem: text('Why they were not confirmed').optional(),
      until: at('When the wait for a person was to end').optional(),
      passedAt: at('When it was passed').optional(),
    })
    .describe('The gate before the next shift')
    .optional(),
  undecided: z
    .strictObject({ reason: text('Why'), since: at('Since when'), until: at('When the wait was to end in a rollback') })
    .describe('It could not be judged, and a person was waited for, to the end')
    .optional(),
  unwatched: z
    .strictObject({ reason: text('Why'), since: at('Since when'), until: at('When it was to be rolled back for it') })
    .describe('Every attempt to watch failed, to the end')
    .optional(),
  moved: z
    .strictObject({
      times: whole('How often'),
      at: at('When it was noticed last'),
      found: text('The shares that were read then'),
      by: text('Who changed it, and what keeps them from it').optional(),
      setRightAt: at('When the step had its share again; missing if it did not').optional(),
    })
    .describe('Somebody else moved the traffic')
    .optional(),
  undecidedMs: ms('How long that was so before, in all').optional(),
});

const rollback = z.strictObject({
  cause: z
    .enum([
      'breach',
      'inconclusive',
      'gate-timeout',
      'freeze-timeout',
      'rejected',
      'aborted',
      'cancelled',
      'failed-step',
      'requested',
      'evidence-lost',
      'history-full',
    ])
    .describe('What made it necessary'),
  reason: text('The same in words, with the counts'),
  detectedAt: at('When that was known; the recovery time counts from here'),
  startedAt: at('When the rollback began'),
  round: whole('Rounds begun'),
  retriesAsked: whole('How often people asked for the next round'),
  restored: z
    .strictObject({
      startedAt: at('When the command began'),
      restoredAt: at('When the platform had all traffic back on blue'),
      readBack: z.literal(true).describe('It was read back; missing without a status command').optional(),
      greenLeft: z
        .strictObject({
          requests: whole("Green's requests"),
          all: whole('Those of all versions'),
          ms: ms('The time over which they were counted'),
          at: at('The end of that time'),
        })
        .describe('What green got all the same, so that it was not stopped; missing where the metrics count none')
        .optional(),
      evidence,
    })
    .describe('All traffic on blue')
    .optional(),
  restoredRound: whole('The round in which that was; missing once the traffic moved again').optional(),
  acceptance: z
    .strictObject({ by: text('Who'), reason: text('Why'), at: at('When') })
    .describe('Who took blue with its health unproven')
    .optional(),
  recovered: z
    .strictObject({
      healthyAt: at('When blue was proven healthy, or accepted without that proof'),
      requests: whole('Over so many fresh requests'),
      evidence,
      accepted: z
        .strictObject({ what: text('What was accepted instead, and why'), by: text('By whom, or by which rule') })
        .describe("Blue's health is not proven; missing where it is")
        .optional(),
    })
    .describe("Blue's proof of health, or what was accepted instead")
    .optional(),
  recoveryMs: ms('From detection until blue kept its limits; missing where no request of it was counted').optional(),
  targetMs: ms('What the runbook asks for'),
  withinTarget: z.boolean().describe('Whether it was kept').optional(),
  problem: text('What was wrong in the last round that failed').optional(),
  notices: z.array(z.string()).describe('Such as traffic that moved again'),
});

const stretch = z.strictObject({ from: at('Beginning'), to: at('End') });

const soakSeries = z.strictObject({
  percentage,
  startedAt: at('When the soak began'),
  endedAt: at('When the watch over it ended'),
  from: z
    .enum(['polls', 'windows', 'nothing'])
    .describe('What it is made of: polls that a worker kept, finished windows (coarse), or nothing'),
  points: z
    .array(
      z.strictObject({
        from: at('Beginning of the interval'),
        to: at('Its end'),
        green: pointCounts.describe('Requests of the new version in it'),
        blue: pointCounts.describe('Requests of the version before'),
        verdict,
      }),
    )
    .describe('Counts over time, in order, never overlapping; neighbours are added up where there are very many'),
  missing: z.array(stretch).describe('Where no counts are kept'),
  unread: z
    .array(stretch)
    .describe('Where nobody read the metrics, such as without a worker; the reading afterwards counted that time'),
  failedPolls: whole('Polls that brought nothing'),
  lastProblem: text('Why the last of them did not').optional(),
});

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(REPORT_SCHEMA_VERSION).describe('Raised when a reader of an older report could be misled'),
  deployment: text('`<workflow id>/<run id>`. Not in the copy inside the history').optional(),
  outcome: text('How it ended: completed, rolled-back, refused or cancelled; or, ended by force, the phase it was in'),
  undoes: z
    .strictObject({
      run: text('Its run id'),
      closed: z.enum(['completed', 'terminated']).describe('How it had ended'),
      closedAt: at('When'),
    })
    .describe('Of a rollback of its own (`bluegreen rollback`): the deployment that it undoes')
    .optional(),
  summary: text('The outcome in a sentence'),
  service: text('The service'),
  environment: text('The environment'),
  version: text('The new version: green'),
  blue: text('The version that served before').optional(),
  requestedBy: text('Who asked for it, as they said').optional(),
  reason: text('Why they did').optional(),
  startedAt: at('Its start'),
  endedAt: at('Its end'),
  runbookDigest: text('SHA-256 of the runbook it followed, normalised').optional(),
  limits: z
    .strictObject({
      errorRate: z.number().describe('Largest allowed share of failed requests, 0 to 1'),
      latency: z
        .strictObject({
          quantile: z.number().describe('So large a share of the requests ...'),
          underMs: ms('... has to be answered within this'),
        })
        .describe('The latency limit')
        .optional(),
    })
    .describe('What green had to keep')
    .optional(),
  deployedAt: at('When green was deployed, at 0 % of the traffic').optional(),
  checks: z.array(check).describe('The checklist'),
  steps: z.array(step).describe('The steps of the traffic plan that were begun'),
  decisions: z.array(decision).describe('What people decided, taken or not'),
  holds: z
    .array(stretch.extend({ what: text('The freezes that held it') }))
    .describe('The waits for freezes to end; missing where there were none')
    .optional(),
  rollback: rollback.describe('The rollback, if there was one').optional(),
  forwardOnly: z
    .array(text('Its name'))
    .describe('Of a rollback of its own: migrations of the undone deployment that stay')
    .optional(),
  undelivered: z
    .array(
      z.strictObject({
        at: at('When it was to be sent'),
        severity: z.enum(['info', 'warning', 'critical']).describe('How urgent it was'),
        text: text('What it said; the beginning of a long text'),
        problem: text('Which channels did not take it, and why'),
      }),
    )
    .describe('Notifications that did not reach every channel, as they were given up; missing where all did')
    .optional(),
  leftOut: text('What was left out to keep it small; the history has it').optional(),
  series: z
    .array(soakSeries)
    .describe('The numbers of each soak over time. Not in the copy inside the history')
    .optional(),
});

/** The schema for other programs. */
export function reportJsonSchema(): object {
  const schema = z.toJSONSchema(reportSchema, { target: 'draft-07', reused: 'inline' });
  return {
    ...schema,
    title: 'The report of a deployment',
    description: `Version ${REPORT_SCHEMA_VERSION}: docs/report.md`,
  };
}

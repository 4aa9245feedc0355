import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_EVENTS, NOTIFICATION_EVENTS } from '../../src/domain/notification-events.ts';
import { parseRunbook } from '../../src/runbook/load.ts';
import { parseRequest, toPlan } from '../../src/runbook/to-plan.ts';
import { format } from '../support/registry.ts';
import { GUIDE_TEXT, guide, guideWith } from './support.ts';

const DIGEST = 'd'.repeat(64);
const DEPLOYMENT = 'blue-green/production/recommendation/run-1';

function plan(changes: Partial<Parameters<typeof toPlan>[0]> = {}) {
  const request = { service: 'recommendation', version: '2.5.0' };
  return toPlan({ runbook: guide(), digest: DIGEST, request, blue: '2.4.0', deployment: DEPLOYMENT, ...changes });
}

describe('the guide as a plan', () => {
  test('has its checklist, in its order, groups, words and critical marks', () => {
    expect(
      plan().checklist.checks.map(({ group, title, critical }) => `${group}: ${title}${critical ? ' (Critical)' : ''}`),
    ).toEqual([
      'Database: Increase database max connections (Critical)',
      'Database: Create indexes for new query patterns (Critical)',
      'Database: Validate database connection pool sizing',
      'Monitoring: Implement enhanced deployment monitoring (Critical)',
      'Monitoring: Set up real-time alert systems for error rates and latencies',
      'Testing: Conduct load testing with realistic data volumes',
      'Testing: Perform comprehensive pre-deployment validation',
    ]);
    expect(plan().checklist.checks.filter(({ checkedBy }) => checkedBy !== 'worker')).toEqual([]);
    expect(plan().verifyGreen.map(({ id }) => id)).toEqual(['green-answers']);
  });

  test('says what may be fixed, and what is measured again before the first shift; never how', () => {
    const { checks } = plan().checklist;
    expect(checks.filter(({ remedy }) => remedy).map(({ id, remedy }) => ({ id, remedy }))).toEqual([
      { id: 'max-connections', remedy: { automatic: false, timeoutMs: 140_000 } },
      { id: 'indexes', remedy: { automatic: true, timeoutMs: 3_620_000 } },
    ]);
    expect(checks.filter(({ again }) => again).map(({ id }) => id)).toEqual([
      'max-connections',
      'indexes',
      'deployment-monitoring',
      'alerts',
      'validation',
    ]);
    expect(JSON.stringify(plan())).not.toMatch(/http|SELECT|set-max|_URL/);
  });

  test('has its traffic, limits and recovery time', () => {
    expect(plan()).toMatchObject({
      target: {
        deployment: DEPLOYMENT,
        service: 'recommendation',
        environment: 'production',
        blue: '2.4.0',
        green: '2.5.0',
        digest: DIGEST,
      },
      traffic: [
        { percentage: 50, soakMs: 600_000, approval: { required: 1, timeoutMs: 14_400_000, onTimeout: 'rollback' } },
        { percentage: 100, soakMs: 1_800_000 },
      ],
      judge: {
        rule: 'sequential',
        confidence: 0.99,
        burstToleranceMs: 5_000,
        pollMs: 5_000,
        maxNoDataMs: 600_000,
        maxBlueUnhealthyMs: 600_000,
        trafficGraceMs: 60_000,
        limits: { errorRate: 0.05, latency: { quantile: 0.95, underMs: 500 } },
        minRequests: 50,
        staleMs: 20_000,
      },
      recovery: { targetMs: 90_000 },
    });
  });

  test('has the guide’s commands to the letter', () => {
    const { workload, router } = guide();
    const { deploy, shiftTraffic, rollback } = { ...workload, ...router } as unknown as Record<string, string[]>;
    expect(deploy?.join(' ')).toBe('deploy --service {service} --version {version}');
    expect(shiftTraffic?.join(' ')).toBe('shift-traffic --service {service} --percentage {percentage}');
    expect(rollback?.join(' ')).toBe('rollback --service {service}');
  });

  test('can be judged by the threshold rule alone, which knows no more knobs', () => {
    const literal = guideWith(['rule: sequential, burstTolerance: 5s', 'rule: threshold']);
    const { judge } = plan({ runbook: parseRunbook(literal, { file: 'x.yaml', format }) });
    expect(Object.keys(judge).sort()).toEqual(
      ['rule', 'limits', 'batchMs', 'minRequests', 'breachesInARow', 'pollMs', 'staleMs'].sort(),
    );
    expect(() =>
      parseRunbook(guideWith(['rule: sequential, burstTolerance: 5s', 'rule: threshold, burstTolerance: 5s']), {
        file: 'x.yaml',
        format,
      }),
    ).toThrow(/judge\.burstTolerance: .*expected only with rule: sequential; remove one of them/);
    expect(() =>
      parseRunbook(guideWith(['rule: sequential, burstTolerance: 5s', 'rule: sequential, batch: 5s']), {
        file: 'x.yaml',
        format,
      }),
    ).toThrow(/judge\.batch: .*expected only with rule: threshold; remove one of them/);
  });

  test('says what happens when it is undecided: a person is waited for, unless the runbook says otherwise', () => {
    expect(plan().watch.undecided).toEqual({ action: 'wait', timeoutMs: 3_600_000 });
    const said = 'rule: sequential, onUndecided: rollback, undecidedTimeout: 10m, burstTolerance: 5s';
    const runbook = parseRunbook(guideWith(['rule: sequential, burstTolerance: 5s', said]), { file: 'x.yaml', format });
    expect(plan({ runbook }).watch.undecided).toEqual({ action: 'rollback', timeoutMs: 600_000 });
    const literal = guideWith(['rule: sequential, burstTolerance: 5s', 'rule: threshold, onUndecided: wait']);
    expect(() => parseRunbook(literal, { file: 'x.yaml', format })).toThrow(
      /judge\.onUndecided: .*expected only with rule: sequential/,
    );
  });

  test('holds nothing that can act: no command, no address, no name of a secret', () => {
    expect(JSON.stringify(plan())).not.toMatch(/https?:|--service|DATABASE_URL|traffic-status/);
  });

  test('has every field, with every default filled in, and survives the way through a history', () => {
    const bare = guideWith(
      ['  poll: 5s\n', ''],
      ['judge: { rule: sequential, burstTolerance: 5s, minRequests: 50 }', ''],
      ['recovery: { target: 90s }', ''],
      ['approval: { required: 1, timeout: 4h, onTimeout: rollback }', 'approval: {}'],
      ['  latency: { quantile: 0.95, under: 500ms }\n', ''],
    );
    const made = plan({ runbook: parseRunbook(bare, { file: 'bare.yaml', format }) });
    expect(made).toMatchObject({
      checklist: { timeoutMs: 86_400_000 },
      deploy: { timeoutMs: 620_000 },
      shift: { timeoutMs: 140_000 },
      judge: { limits: { errorRate: 0.05 }, confidence: 0.99, minRequests: 50, staleMs: 20_000 },
      watch: { pollMs: 5_000, windowMs: 300_000, gateWindowMs: 1_800_000, maxUnwatchedMs: 120_000, maxSoakFactor: 3 },
      rollback: { timeoutMs: 140_000, roundMs: 300_000, pauseMs: 30_000, guardMs: 60_000 },
      recovery: { targetMs: 90_000 },
      traffic: [{ approval: { required: 1, timeoutMs: 14_400_000, onTimeout: 'rollback' } }, {}],
    });
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });
});

describe('what serves now', () => {
  test('is another version than the new one', () => {
    expect(() => plan({ blue: '2.5.0' })).toThrow(
      'request.version: recommendation already serves 2.5.0, expected another version',
    );
  });

  test('is a version that may go into arguments', () => {
    expect(() => plan({ blue: '--force' })).toThrow(
      'the version that serves recommendation now: found "--force", expected letters',
    );
  });
});

describe('a request', () => {
  test('passes as it is when it is well', () => {
    const request = {
      service: 'recommendation',
      version: '2.5.0',
      environment: 'staging',
      requestedBy: 'Ana Ünal',
      reason: 'one\ntwo',
    };
    expect(parseRequest(request)).toEqual(request);
    expect(parseRequest({ service: 'a', version: '1' })).toEqual({ service: 'a', version: '1' });
  });

  test('is refused for good with every mistake named', () => {
    const sent = { service: 'team/../shop', version: '--help', command: 'rm -rf /', requestedBy: '\u001b[2J' };
    let error: unknown;
    try {
      parseRequest(sent);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ type: 'InvalidRequest', nonRetryable: true });
    expect(String(error instanceof Error && error.message).split('\n')).toEqual([
      expect.stringMatching(/^request\.service: found "team\/..\/shop", expected letters, digits/),
      expect.stringMatching(/^request\.version: found "--help", expected letters, digits/),
      'request.requestedBy: found "\\u001b[2J", expected one line without control characters',
      'request.command: unknown key "command", expected one of service, version, environment, requestedBy, reason, checklistOnly, overrideFreeze',
    ]);
  });

  test('is a request or an InvalidRequest in bounded words, whatever was sent', () => {
    const nearly = fc.record({ service: fc.string(), version: fc.string({ unit: 'binary', maxLength: 20_000 }) });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), nearly), (sent) => {
        try {
          expect(Object.keys(parseRequest(sent))).toEqual(expect.arrayContaining(['service', 'version']));
        } catch (error) {
          expect(error).toMatchObject({ type: 'InvalidRequest', nonRetryable: true });
          expect(String(error)).not.toMatch(/[^\P{C}\n]/u);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('the plan names the events that the channels ask for; a channel that names none asks for the default', () => {
  const hook = (events: string) => `{ kind: webhook, urlEnv: HOOK${events} }`;
  const planWith = (...channels: string[]) =>
    plan({
      runbook: parseRunbook(`${GUIDE_TEXT}\nnotifications: [${channels.join(', ')}]\n`, { file: 'a.yaml', format }),
    }).notificationEvents;
  expect(planWith(hook(''))).toEqual([...DEFAULT_EVENTS]);
  expect(planWith(hook(', events: [shifted, started]'), hook(', events: [started]'))).toEqual(['started', 'shifted']);
  expect(planWith(hook(', events: [all]'))).toEqual([...NOTIFICATION_EVENTS]);
});

import { expect, test } from '@jest/globals';
import { WITHOUT_CHECKLIST } from '../../src/demo/runbook.ts';
import type { DeploymentStatus } from '../../src/domain/status.ts';
import type { VerdictCode } from '../../src/judge/judgement.ts';
import { describeWithPrometheus } from '../support/prometheus.ts';
import { useSandbox } from '../support/sandbox.ts';
import { observe, rolledBack, start, useTemporal } from '../support/temporal.ts';

/** The sandbox watched through its real Prometheus. `npm run bench` does the same at full length. */

/** Not production: test/end-to-end/sandbox deploys there at the same time, and the workflow id is a lock. */
const environment = 'watched-by-prometheus';

const newestCode = ({ steps }: DeploymentStatus): VerdictCode | undefined => steps.at(-1)?.windows.at(-1)?.code;

describeWithPrometheus('watched through Prometheus', () => {
  const temporal = useTemporal();
  const scene = useSandbox(
    {
      pace: 'short',
      automaticRemedies: true,
      viaPrometheus: true,
      changes: [
        ...WITHOUT_CHECKLIST,
        [['environment'], environment],
        [['traffic', 0, 'soak'], '40s'],
        [['watch'], { window: '4s', gateWindow: '1m', maxSoakFactor: 5 }],
      ],
    },
    { withoutPitfalls: true, staging: false, rows: 20_000 },
  );

  test('what is no fault of green only makes the soak longer; a fault at the open gate rolls back', async () => {
    const sandbox = scene.sandbox();
    const handle = await start(temporal.client(), scene.taskQueue, {
      service: 'recommendation',
      environment,
      version: '2.5.0',
    });
    const { until, untilPhase } = observe(handle);
    try {
      const planned = (await until(({ steps }) => steps.length > 0)).steps[0]?.soakUntil ?? 0;

      await sandbox.pauseMonitoring();
      await until((status) => newestCode(status) === 'no-metrics');
      await sandbox.resumeMonitoring();

      await sandbox.setRate(0);
      await until((status) => newestCode(status) === 'no-traffic');
      await sandbox.setRate(40);

      for (const version of ['2.4.0', '2.5.0']) await sandbox.disturb(version, { failingShare: 0.2 });
      await until((status) => newestCode(status) === 'blue-unhealthy');
      for (const version of ['2.4.0', '2.5.0']) await sandbox.disturb(version, {});

      const [step] = (await untilPhase('awaiting-approval')).steps;
      expect(step?.soakUntil).toBeGreaterThan(planned);
      expect(step?.windows.at(-1)).toMatchObject({ verdict: 'healthy' });

      await sandbox.disturb('2.5.0', { failingShare: 0.3 });
      const { report } = await rolledBack(handle);
      expect(report.rollback).toMatchObject({ cause: 'breach', withinTarget: true });
      expect(report.rollback?.recovered?.requests).toBeGreaterThanOrEqual(50);
    } finally {
      await handle.terminate('the test is over').catch(() => {});
    }
  });
});

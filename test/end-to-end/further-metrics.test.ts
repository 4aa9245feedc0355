import { expect, test } from '@jest/globals';
import { useScenes } from '../activities/support/scene.ts';
import { rolledBack, useTemporal } from '../support/temporal.ts';

const temporal = useTemporal();
const scene = useScenes();

test('checkouts that fail roll a release back whose errors are within their limit', async () => {
  const { production, activities } = await scene({
    checklist: [],
    judge: { rule: 'sequential', burstTolerance: '1s', batch: undefined, breachesInARow: undefined },
    traffic: [
      { percentage: 50, soak: '1m' },
      { percentage: 100, soak: '1m' },
    ],
    analysis: [
      {
        name: 'checkout-failures',
        kind: 'counted',
        metrics: { requests: 'checkouts_total', codeLabel: 'result', failed: { values: ['error'] } },
        limit: '2%',
      },
    ],
  });
  production.failCheckouts('2.5.0', 0.4);
  await temporal.deploy(
    activities,
    async ({ handle, until }) => {
      await until(({ phase }) => phase === 'rolling-back');
      production.failCheckouts('2.5.0', 0);
      const { report } = await rolledBack(handle);
      expect(report).toMatchObject({
        outcome: 'rolled-back',
        rollback: {
          cause: 'breach',
          reason: expect.stringMatching(/^checkout-failures: green failed \d+ of \d+ requests .*the limit is 2 %/),
        },
      });
      const [step] = report.steps;
      expect(step?.windows.at(-1)).toMatchObject({ verdict: 'breached', green: { failed: 0 } });
      expect(step?.windows.at(-1)).not.toHaveProperty('analysis');
      expect(step?.analysis).toMatchObject([{ name: 'checkout-failures', verdict: 'breached', blue: 0 }]);
    },
    { service: production.service },
  );
});

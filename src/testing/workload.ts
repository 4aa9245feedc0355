import assert from 'node:assert/strict';
import type { Workload } from '../plugin/index.ts';
import {
  assertAbortsPromptly,
  assertEvidence,
  assertFailure,
  type ConformanceTest,
  idle,
  newOperation,
  rejectionOf,
} from './conformance.ts';

/** What the suite needs to know of a workload. Every function makes a new one, for the same platform. */
export interface WorkloadSubject {
  /** A workload whose platform works. */
  working(): Workload | Promise<Workload>;
  /** Its platform refuses every change. */
  refusing(): Workload | Promise<Workload>;
  /** Its platform does not answer. */
  hanging(): Workload | Promise<Workload>;
  /** The same platform for a target with the roles swapped: it retires blue while the version that `working` deploys serves. */
  retiring?(): Workload | Promise<Workload>;
  /** The version that `working` deploys, and one that does not run. */
  readonly green: string;
  readonly absent: string;
  /** Texts that may never be shown: tokens, passwords, addresses. */
  readonly secrets?: readonly string[];
  /** How many programs or requests that the workload started are still running. */
  running?(): number | Promise<number>;
}

/** The promises of the workload port. */
export function workloadConformance(subject: WorkloadSubject): readonly ConformanceTest[] {
  const { green, absent, secrets = [] } = subject;
  return [
    {
      name: 'deploying twice is the same as once, and the deployed version is healthy',
      run: async () => {
        const workload = await subject.working();
        const operation = newOperation();
        assertEvidence(await workload.deploy(operation, idle()), secrets);
        assertEvidence(await workload.deploy({ ...operation, attempt: 2 }, idle()), secrets);
        assertEvidence(await workload.checkHealth(green, idle()), secrets);
      },
    },
    {
      name: 'stopping twice is the same as once',
      run: async () => {
        const workload = await subject.working();
        await workload.deploy(newOperation(), idle());
        const operation = newOperation();
        assertEvidence(await workload.stop(operation, idle()), secrets);
        assertEvidence(await workload.stop({ ...operation, attempt: 2 }, idle()), secrets);
      },
    },
    {
      name: 'retiring blue twice is the same as once, and the version that serves goes on',
      run: async () => {
        const [serving, retiring] = [await subject.working(), await subject.retiring?.()];
        if (!retiring) return;
        await serving.deploy(newOperation(), idle());
        const operation = newOperation();
        assertEvidence(await retiring.stop(operation, idle()), secrets);
        assertEvidence(await retiring.stop({ ...operation, attempt: 2 }, idle()), secrets);
        assertEvidence(await serving.checkHealth(green, idle()), secrets);
      },
    },
    {
      name: 'a version that does not run is GreenUnhealthy, which can be retried',
      run: async () => {
        const workload = await subject.working();
        const error = await rejectionOf(() => workload.checkHealth(absent, idle()));
        assertFailure(error, { type: 'GreenUnhealthy', retryable: true, secrets });
      },
    },
    {
      name: 'a refused deployment is CommandFailed, without any secret',
      run: async () => {
        const workload = await subject.refusing();
        assertFailure(await rejectionOf(() => workload.deploy(newOperation(), idle())), {
          type: 'CommandFailed',
          secrets,
        });
      },
    },
    {
      name: 'an abort rejects promptly with its reason, and ends what was started',
      run: async () => {
        const workload = await subject.hanging();
        await assertAbortsPromptly((signal) => workload.deploy(newOperation(), { signal, heartbeat() {} }));
        assert.equal((await subject.running?.()) ?? 0, 0, 'something that was started is still running');
      },
    },
    {
      name: 'the instances of the deployed version are known, and how many of them are ready, without any secret',
      run: async () => {
        const workload = await subject.working();
        if (!workload.observe) return;
        await workload.deploy(newOperation(), idle());
        const seen = (await workload.observe(idle()))[green];
        assert.ok(seen, `nothing is known of ${green}`);
        assert.ok(
          seen.ready <= seen.instances && seen.instances > 0,
          'there are instances, of which some may be ready',
        );
        assertEvidence(
          seen.problems.map((measured) => ({ what: 'problem', measured })),
          secrets,
        );
      },
    },
    {
      name: 'preflight changes nothing, and has evidence without any secret',
      run: async () => {
        const workload = await subject.working();
        const found = await workload.preflight?.(idle(), { greenIsUp: false });
        if (!found) return;
        assert.deepEqual(found.problems, [], 'a platform that works has no problems');
        assertEvidence(found.evidence, secrets);
      },
    },
  ];
}

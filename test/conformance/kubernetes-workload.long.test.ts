import { beforeEach } from '@jest/globals';
import type { Workload } from '../../src/plugin/index.ts';
import { workloadConformance } from '../../src/testing/index.ts';
import { describeOnKubernetes, useKubernetes } from '../support/kubernetes.ts';
import { createGateway, createRoute, createSlots } from '../support/kubernetes-slots.ts';
import { BLUE, GREEN, healthOf, openWorkload } from '../workloads/kubernetes/scene.ts';
import { conform } from './conform.ts';
import { useKubernetesDoors } from './kubernetes-doors.ts';

describeOnKubernetes('workload for Kubernetes', () => {
  const scene = useKubernetes();
  const { api, kubeconfig, namespace } = scene;
  const doors = useKubernetesDoors(scene);
  beforeEach(async () => {
    await createSlots(api(), namespace(), [BLUE, '2.3.0']);
    await createGateway(api(), namespace());
    await createRoute(api(), namespace(), { kind: 'http-route' });
  });

  const open = (path: string) => openWorkload({ kubeconfig: path, namespace: namespace() });

  /** The suite asks for the health right after the deployment; a cluster takes a moment. */
  const patient = (workload: Workload): Workload => ({
    ...workload,
    async deploy(operation, run) {
      const evidence = await workload.deploy(operation, run);
      await healthOf(workload, GREEN);
      return evidence;
    },
  });

  conform(
    'workload of kind kubernetes',
    workloadConformance({
      working: () => patient(open(kubeconfig())),
      retiring: () => openWorkload({ kubeconfig: kubeconfig(), namespace: namespace(), blue: GREEN, green: BLUE }),
      refusing: async () => open(await doors.refusing()),
      hanging: async () => open(await doors.hanging()),
      green: GREEN,
      absent: '9.9.9',
      secrets: ['sandbox-administrator', '127.0.0.1'],
      running: doors.openSockets,
    }),
  );
});

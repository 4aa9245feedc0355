// Loaded before any test begins: under Jest it takes seconds, and the time of a request counts from before it.
import '@kubernetes/client-node/dist/config.js';
import type { Router } from '../../src/plugin/index.ts';
import type { Runbook } from '../../src/runbook/schema.ts';
import { guide } from '../runbook/support.ts';
import { registry } from '../support/registry.ts';

export const BLUE = '2.4.0';
export const GREEN = '2.5.0';

export interface RouterGiven {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly router: { readonly kind: string; readonly timeout?: number } & Readonly<Record<string, unknown>>;
  readonly blue?: string;
}

/** A router for the two slots of `createSlots`. */
export function openRouter({ kubeconfig, namespace, router, blue = BLUE }: RouterGiven): Router {
  const runbook = {
    ...guide(),
    workload: {
      kind: 'kubernetes',
      timeout: 60_000,
      cluster: { kubeconfig },
      namespace,
      slots: { 'rec-blue': {}, 'rec-green': {} },
      versionLabel: 'app.kubernetes.io/version',
    },
    router: { timeout: 20_000, ...router },
  } as Runbook;
  const target = { deployment: 'w/r', service: 'rec', environment: 'production', blue, green: GREEN, digest: 'd' };
  const log = { info() {}, warn() {}, error() {} };
  return registry.router(runbook.router, { target, env: {}, log, runbook });
}

let operations = 0;
export function newOperation() {
  operations += 1;
  return { id: `kubernetes-router/${process.pid}/${operations}`, attempt: 1 };
}

export const idle = () => ({ signal: new AbortController().signal, heartbeat() {} });

import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Client } from '@temporalio/client';
import { type Endings, type Parts, startParts } from '../../demo/index.ts';
import { DEFAULT_ENVIRONMENT } from '../../domain/index.ts';
import {
  type FaultName,
  findKubernetes,
  type KubernetesPrograms,
  refuseMissingPackages,
  SHOP,
} from '../../sandbox/index.ts';
import { connectClient } from '../../temporal/index.ts';
import type { blueGreenDeployment } from '../../workflows/index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { hasKeys, type PersonAtKeys, personAtKeys } from '../keys/interactive.ts';
import { whoRunsThis } from '../options.ts';
import { startOrExplain } from '../start-deployment.ts';
import { clientOf, type DeploymentHandle } from '../temporal.ts';
import { formatDuration } from '../view/format.ts';
import { outcomeOf } from '../view/outcome.ts';
import { insteadOfExitOnEpipe, paintFor, print, printError } from '../view/output.ts';
import { openScreen, type Screen } from '../view/screen.ts';
import { type DeploymentSnapshot, pollSnapshots } from '../view/snapshot.ts';
import { writtenReport } from '../view/written-report.ts';
import { abortingAt, type Hand, nobody, type Talk } from './person.ts';

export interface DemoOptions {
  readonly pace: 'short' | 'real-time';
  readonly requestsPerSecond: number;
  readonly asks: 'nobody' | 'the-person-at-the-terminal';
  /** What the checklist finds waits for a person instead of being fixed by itself. */
  readonly skipRemedies: boolean;
  readonly onKubernetes: boolean;
  readonly fault?: { readonly name: FaultName; readonly atPercentage: number };
}

/** Green serves well for a while first, so that the difference is seen. */
const FAULT_AFTER_MS = 4_000;
const REQUEST = { service: 'recommendation', version: '2.5.0', requestedBy: 'demo', reason: 'the demo' };
const NAMESPACE = 'default';
/** kubectl shows no weights by itself. */
const WEIGHTS =
  'BACKENDS:.spec.rules[0].backendRefs[*].name,WEIGHTS:.spec.rules[0].backendRefs[*].weight,GENERATION:.metadata.generation,ACCEPTED:.status.parents[0].conditions[0].observedGeneration';

/** Runs the demo from nothing to nothing. @returns how the deployment ended. @throws Error that says what broke. */
export async function runDemo(options: DemoOptions): Promise<ExitCode> {
  refuseMissingPackages(); // before anything is started or fetched
  const kubernetes = options.onKubernetes ? await findKubernetes(process.env) : undefined;
  const startedAt = Date.now();
  const endings: Endings = [];
  const interruption = listenForInterruption();
  const demonstrating = demonstrate(options, kubernetes, endings, interruption);
  demonstrating.catch(() => undefined); // its errors after an interruption do not matter
  try {
    const exitCode = await Promise.race([demonstrating, interruption.came]);
    if (exitCode === EXIT.interrupted) {
      for (const end of endings.splice(-1)) await end(); // the view goes first, so that this line stays in sight
      printError('Interrupted: stopping and removing everything that the demo started.');
    }
    return exitCode;
  } finally {
    for (let end = endings.pop(); end; end = endings.pop())
      await end().catch((error: unknown) => printError(`Not ended cleanly: ${String(error)}`));
    interruption.forget();
    print(`Everything is stopped and removed. Total time: ${formatDuration(Date.now() - startedAt)}.`);
  }
}

async function demonstrate(
  options: DemoOptions,
  kubernetes: KubernetesPrograms | undefined,
  endings: Endings,
  interruption: Interruption,
): Promise<ExitCode> {
  const { fault, requestsPerSecond, pace, skipRemedies } = options;
  const { signal } = interruption;
  const paint = paintFor();
  print(`${paint.bold('bluegreen demo')}: starting the sandbox and a Temporal server on this machine ...`);
  const parts = await startParts(
    {
      pace,
      automaticRemedies: !skipRemedies,
      requestsPerSecond,
      ...(fault ? { fault: { ...fault, afterMs: FAULT_AFTER_MS } } : {}),
      ...(kubernetes ? { sandbox: { kubernetes } } : {}),
      notice: print,
      signal,
    },
    endings,
  );
  const config = { connectionOptions: { address: parts.server.address }, namespace: NAMESPACE };
  const connection = await connectClient(config);
  signal.throwIfAborted();

  const client = clientOf(connection, NAMESPACE);
  const { workflowId, firstExecutionRunId } = await startOrExplain(client, REQUEST);
  const handle = client.workflow.getHandle<typeof blueGreenDeployment>(workflowId, firstExecutionRunId);
  introduce(options, parts, `${encodeURIComponent(workflowId)}/${firstExecutionRunId}`);

  let person: PersonAtKeys | undefined;
  const screen = openScreen({ paint, footer: () => person?.lines() ?? [] });
  if (options.asks === 'the-person-at-the-terminal' && hasKeys())
    person = personAtKeys({
      client,
      handle,
      address: { service: REQUEST.service, environment: DEFAULT_ENVIRONMENT },
      by: whoRunsThis() ?? 'you',
      leaving: 'end the demo',
      onLeave: interruption.interrupt,
      onChange: screen.redraw,
    });
  const leave = async (): Promise<void> => {
    person?.leave();
    screen.end();
  };
  endings.push(leave);
  const hands = handsOf(options, { client, handle, note: screen.note }, person !== undefined);
  const following = followToTheEnd({ client, handle, screen, signal, person, hands });
  const last = await Promise.race([following, parts.broken]);

  const outcome = await outcomeOf(client, handle, last?.status);
  signal.throwIfAborted();
  await leave();
  print('');
  screen.tell(outcome);
  print('');
  if (last) await keepReport(parts, last);
  return outcome.exitCode;
}

/** The demo removes everything at its end except the report. */
async function keepReport({ stateDirectory }: Parts, last: DeploymentSnapshot): Promise<void> {
  const file = await writtenReport(stateDirectory, last);
  if (file === undefined) return printError('There is no report because the worker could not write it.');
  const folder = await mkdtemp(join(tmpdir(), 'bluegreen-report-'));
  await cp(dirname(file), folder, { recursive: true });
  print(`The report is kept: ${join(folder, basename(file))}`);
}

function introduce(
  { fault, pace, requestsPerSecond }: DemoOptions,
  { server, sandbox }: Parts,
  workflow: string,
): void {
  const lengths = pace === 'short' ? "with soaks of 20 seconds instead of the guide's 10 and 30 minutes" : 'unchanged';
  print(
    `Deploying recommendation 2.5.0 with runbooks/recommendation.yaml, ${lengths}; ${requestsPerSecond} requests a second.`,
  );
  print(`  Temporal UI  ${server.uiUrl}/namespaces/${NAMESPACE}/workflows/${workflow}`);
  if (sandbox.kubernetes) {
    print('  Kubernetes   in another terminal, the weights of the route, and the pods:');
    print(`    export KUBECONFIG=${sandbox.kubernetes.kubeconfig}`);
    print(`    kubectl -n ${SHOP.namespace} get httproute ${SHOP.route} -w -o custom-columns='${WEIGHTS}'`);
    print(`    kubectl -n ${SHOP.namespace} get pods -w -L app.kubernetes.io/version`);
  }
  if (fault) print(`  Fault        ${fault.name}, ${FAULT_AFTER_MS / 1_000} s after green has ${fault.atPercentage} %`);
  print('  Ctrl-C       stops and removes everything');
  print('');
}

/** Where nobody is there the demo decides by itself; it aborts where a fault shows only when something rolls back. */
function handsOf({ fault }: DemoOptions, talk: Talk, isSomebodyThere: boolean): readonly Hand[] {
  return [
    ...(fault?.name === 'slow-rollback' ? [abortingAt(fault.atPercentage, FAULT_AFTER_MS, talk)] : []),
    ...(isSomebodyThere ? [] : [nobody(talk)]),
  ];
}

async function followToTheEnd(on: {
  readonly client: Client;
  readonly handle: DeploymentHandle;
  readonly screen: Screen;
  readonly person: PersonAtKeys | undefined;
  readonly hands: readonly Hand[];
  readonly signal: AbortSignal;
}): Promise<DeploymentSnapshot | undefined> {
  let last: DeploymentSnapshot | undefined;
  for await (const sight of pollSnapshots(on.client, on.handle, on.signal)) {
    if (on.signal.aborted) break;
    last = sight;
    const { status } = sight;
    if (status) on.person?.see(status);
    on.screen.show(sight);
    if (status) for (const hand of on.hands) hand(status);
  }
  return last;
}

interface Interruption {
  readonly signal: AbortSignal;
  readonly came: Promise<typeof EXIT.interrupted>;
  readonly interrupt: () => void;
  forget(): void;
}

/** Ctrl-C and its relatives, and a pipe whose reader has gone. */
function listenForInterruption(): Interruption {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, interrupt);
  insteadOfExitOnEpipe(interrupt);
  return {
    signal: controller.signal,
    came: new Promise((resolve) => {
      controller.signal.addEventListener('abort', () => resolve(EXIT.interrupted));
    }),
    interrupt,
    forget: () => {
      for (const name of names) process.off(name, interrupt);
    },
  };
}

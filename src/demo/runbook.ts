import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { registryWith } from '../built-in.ts';
import { parseRunbook } from '../runbook/index.ts';
import { type Sandbox, SHOP } from '../sandbox/index.ts';

const GUIDE = fileURLToPath(new URL('../../runbooks/recommendation.yaml', import.meta.url));
/** Where runbooks/recommendation.yaml looks for the sandbox: its default ports. */
const DEFAULT_ORIGIN = 'http://127.0.0.1:18080';
const DEFAULT_PROMETHEUS = 'http://127.0.0.1:19090';

/** In the checklist the id of an item stands for its place. */
export type Change = readonly [path: readonly (string | number)[], value: unknown];

/** The rule stays; only its burst tolerance and the soaks are shorter, which proves less. */
const SHORT: readonly Change[] = [
  [['traffic', 0, 'soak'], '20s'],
  [['traffic', 0, 'approval', 'timeout'], '10m'],
  [['traffic', 1, 'soak'], '20s'],
  [['judge', 'burstTolerance'], '2s'],
  [['judge', 'minRequests'], 30],
  [['metrics', 'poll'], '1s'],
  [['watch'], { window: '10s', gateWindow: '1m' }],
  [['recovery', 'guard'], '5s'],
  [['checklist', 'pool-size', 'measureFor'], '4s'],
  [['checklist', 'deployment-monitoring', 'measureFor'], '3s'],
  // In 20 s one cannot see what one sees in ten minutes, and the check says so.
  [['checklist', 'deployment-monitoring', 'detect'], '50%'],
  [['checklist', 'alerts', 'measureFor'], '3s'],
  [['checklist', 'load-test', 'requestsPerSecond'], 40],
  [['checklist', 'load-test', 'duration'], '8s'],
];

/** Nobody's database: here even a remedy that restarts it may run by itself, unless a person wants to be asked. */
const REMEDIES = (automatic: boolean): Change[] => [
  [['checklist', 'max-connections', 'remedy', 'automatic'], automatic],
  [['checklist', 'indexes', 'remedy', 'automatic'], automatic],
];

/** Where this machine has no Prometheus, a person's word has to do. */
const ATTESTED_ALERTS: readonly Change[] = (
  [
    ['kind', 'attestation'],
    ['statement', 'Alerts exist for an error rate above 5% and for a 95th percentile of the latency above 500 ms.'],
    ['url', undefined],
    ['labels', undefined],
    ['errors', undefined],
    ['latency', undefined],
    ['measureFor', undefined],
  ] as const
).map(([key, value]) => [['checklist', 'alerts', key], value]);

/**
 * `real-time`: the guide's own lengths. `short`: what makes two minutes of ten and thirty. `sixtieth`: seconds for
 * minutes, so that there are as many windows as in the guide's.
 */
const PACES = {
  'real-time': [],
  short: SHORT,
  sixtieth: [
    ...SHORT,
    [['traffic', 0, 'soak'], '10s'],
    [['traffic', 1, 'soak'], '30s'],
    [['watch'], { window: '5s', gateWindow: '1m' }],
  ],
} as const satisfies Record<string, readonly Change[]>;

/** The soaks and nothing before them: for measuring the watch. */
export const WITHOUT_CHECKLIST: readonly Change[] = [
  [['checklist'], undefined],
  [['verifyGreen'], undefined],
  [['databases'], undefined],
];

/** The watch asks the sandbox's Prometheus instead of the router's own page. */
function watchedBy(prometheusUrl: string): Change[] {
  return [
    [['metrics', 'kind'], 'prometheus'],
    [['metrics', 'targets'], undefined],
    [['metrics', 'url'], prometheusUrl],
    [['metrics', 'selector'], { service: 'recommendation' }],
  ];
}

/** The guide's deployment without its commands: the two slots of the sandbox's cluster, and the weights of its route. */
function deployedOnKubernetes(kubeconfig: string): Change[] {
  const twoPods = { instances: 2, size: 5 };
  return [
    [['workload', 'kind'], 'kubernetes'],
    [['workload', 'deploy'], undefined],
    [['workload', 'cluster'], { kubeconfig }],
    [['workload', 'namespace'], SHOP.namespace],
    [['workload', 'slots'], Object.fromEntries(SHOP.slots.map((slot) => [slot, {}]))],
    [['workload', 'image'], `${SHOP.image}:{version}`],
    [['router'], { kind: 'http-route', routes: [SHOP.route] }],
    ...(['max-connections', 'pool-size'] as const).flatMap((check): Change[] => [
      [['checklist', check, 'blue'], twoPods],
      [['checklist', check, 'green'], twoPods],
    ]),
  ];
}

type Pace = keyof typeof PACES;

export interface DemoRunbookOptions {
  readonly pace: Pace;
  /** What the checklist finds is fixed by itself. */
  readonly automaticRemedies: boolean;
  /** Needs the sandbox's monitoring. */
  readonly viaPrometheus?: boolean;
  /** After those of the pace. */
  readonly changes?: readonly Change[];
}

/**
 * Writes the guide's runbook into `folder`, with the sandbox's ports and the lengths of this pace.
 * @throws RunbookError when the result is no valid runbook.
 */
export async function writeDemoRunbook(
  folder: string,
  sandbox: Surroundings,
  options: DemoRunbookOptions,
): Promise<void> {
  const file = join(folder, 'recommendation.yaml');
  const text = demoRunbook(await readFile(GUIDE, 'utf8'), sandbox, options);
  parseRunbook(text, { file, format: registryWith().format });
  await mkdir(folder, { recursive: true });
  await writeFile(file, text);
}

type Surroundings = Pick<Sandbox, 'routerUrl' | 'prometheusUrl' | 'kubernetes'>;

/** Pure. */
export function demoRunbook(
  guide: string,
  { routerUrl, prometheusUrl, kubernetes }: Surroundings,
  { pace, automaticRemedies, viaPrometheus, changes: more = [] }: DemoRunbookOptions,
): string {
  const here = guide.replaceAll(DEFAULT_ORIGIN, routerUrl).replaceAll(DEFAULT_PROMETHEUS, prometheusUrl ?? '');
  const document = parseDocument(here);
  const { checklist } = document.toJS() as { checklist: { id: string }[] };
  const changes = [
    ...PACES[pace],
    ...REMEDIES(automaticRemedies),
    ...(prometheusUrl === undefined ? ATTESTED_ALERTS : []),
    ...(viaPrometheus && prometheusUrl !== undefined ? watchedBy(prometheusUrl) : []),
    ...(kubernetes ? deployedOnKubernetes(kubernetes.kubeconfig) : []),
    ...more,
  ];
  for (const [[section, key, ...rest], value] of changes) {
    const place = section === 'checklist' && key !== undefined ? checklist.findIndex(({ id }) => id === key) : key;
    const path = [section, place, ...rest].filter((part) => part !== undefined);
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  }
  return document.toString();
}

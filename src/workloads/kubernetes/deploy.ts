import { setTimeout as sleep } from 'node:timers/promises';
import { asLabel, type Cluster, type PodOwner, readSlots, type SlotState, slotWords } from '../../kubernetes/index.ts';
import { commandFailed, type DeploymentTarget, type Evidence, type Operation } from '../../plugin/index.ts';
import { fenced, fillPlaceholders, runChange } from '../../processes/index.ts';
import type { RunContext } from '../../util/index.ts';
import { applyManifests } from './apply-manifests.ts';
import { deployImage } from './deploy-image.ts';
import { buildKustomization } from './kustomize.ts';
import { type ManifestText, parseManifests, readFolder } from './manifests.ts';
import type { Config } from './schema.ts';

const BETWEEN_LOOKS_MS = 1_000;

interface Means {
  readonly cluster: Cluster;
  readonly config: Config;
  readonly target: DeploymentTarget;
  /** Services that customers reach. */
  readonly routed: readonly string[];
}

interface Found {
  readonly blue: SlotState;
  readonly green: SlotState;
}

/**
 * Brings the version into green's slot with as many replicas as blue has, in the way that the runbook names. It need not be healthy
 * afterwards.
 */
export async function deployVersion(
  means: Means,
  slots: Found,
  operation: Operation,
  run: RunContext,
): Promise<Evidence> {
  const { cluster, config, target, routed } = means;
  const { versionLabel, container } = config;
  const { blue, green } = slots;
  const replicas = blue.wanted;
  if (replicas === 0) throw commandFailed(`${blue.name}, which serves, is scaled to 0: green gets as many replicas`);
  const { service, green: version } = target;
  const values = { service, version, blue: target.blue, slot: green.name, namespace: config.namespace };
  const wanted = { version, versionLabel, replicas };

  if (config.command !== undefined) {
    const { command, env, timeout: timeoutMs } = config;
    const filled = { ...values, replicas: String(replicas) };
    const ran = await runChange({ name: 'command', command, env, values: filled, timeoutMs, operation }, run);
    return [...ran, ...(await awaitVersion(means, { green, replicas }, run))];
  }
  return fenced(operation, run, async (fencedRun) => {
    if (config.image !== undefined) {
      const [image = ''] = fillPlaceholders([config.image], { ...values, version: asLabel(version) });
      return deployImage(cluster, green, { ...wanted, image, container }, fencedRun);
    }
    const manifests = parseManifests(await manifestTexts(config, operation, fencedRun), values);
    return applyManifests(cluster, manifests, { slots, wanted: { ...wanted, routed } }, fencedRun);
  });
}

async function manifestTexts(
  { manifests, kustomize = '' }: Config,
  operation: Operation,
  run: RunContext,
): Promise<ManifestText[]> {
  return manifests === undefined ? [await buildKustomization(kustomize, operation, run)] : readFolder(manifests, run);
}

/** A GitOps controller takes a while to act on a commit. What it leaves smaller than blue is scaled up. */
async function awaitVersion(
  { cluster, config, target }: Means,
  { green, replicas }: { readonly green: SlotState; readonly replicas: number },
  run: RunContext,
): Promise<Evidence> {
  const until = Date.now() + config.timeout;
  for (;;) {
    const slot = (await readSlots(cluster, config, target, run)).find(({ name }) => name === green.name) ?? green;
    if (slot.version === target.green) {
      if (slot.wanted >= replicas)
        return [{ what: green.name, measured: `has ${target.green}, ${slot.wanted} replicas` }];
      const scale = { op: 'add', path: '/spec/replicas', value: replicas } as const;
      await cluster.change<PodOwner>(slot.owner, () => [scale], run);
      return [
        {
          what: green.name,
          measured: `has ${target.green}; scaled from ${slot.wanted} to ${replicas} replicas as blue has`,
        },
      ];
    }
    const problem = `${slotWords(slot)}, expected ${target.green} in the label ${config.versionLabel} of its pod template`;
    if (Date.now() + BETWEEN_LOOKS_MS > until)
      throw commandFailed(
        `the command ended, but the version did not arrive within ${config.timeout / 1_000} s: ${problem}`,
      );
    run.heartbeat({ doing: `waiting until ${target.green} is in the slot ${green.name}`, problem });
    await sleep(BETWEEN_LOOKS_MS, undefined, { signal: run.signal });
  }
}

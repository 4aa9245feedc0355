import { z } from 'zod';
import { DEFAULT_EVENTS, NOTIFICATION_EVENTS, type NotificationEvent } from '../domain/index.ts';
import { command, commandEnv, duration, name } from './scalars.ts';

/**
 * What each part of a runbook with a `kind` has in common, whatever its kind: the schema of a kind begins with it. `src/plugin`
 * has the ports behind these parts.
 */

/** What a check may name of the deployment it is for; {version} is green. */
export const TARGET_PLACEHOLDERS = ['service', 'environment', 'version', 'blue'] as const;

interface KindSchema<Base, Config> {
  /** The value of `kind` in a runbook. */
  readonly kind: string;
  /** One sentence for the reference and for editors. */
  readonly summary: string;
  /** Extends what all kinds of this port have. Describe each key: the reference and editors show it. */
  schema(base: Base): z.ZodType<Config>;
  /** Keys that hold secrets, addresses or commands, at any depth: messages never show their values. */
  readonly secretKeys?: readonly string[];
  /** What is wrong with this part beside the others: `runbook validate` and the worker refuse a runbook with such problems. */
  problems?(config: Config, runbook: RunbookParts): readonly RunbookProblem[];
}

/** What a kind may know of the rest of a runbook when it looks for problems. Each part is valid by itself. */
export interface RunbookParts {
  readonly workload: WorkloadConfig;
  readonly router: RouterConfig;
  readonly metrics: MetricsConfig;
  readonly traffic: readonly { readonly percentage: number }[];
  readonly keepBlue?: number | undefined;
}

export interface RunbookProblem {
  /** The key, from the top of the runbook: `['traffic', 0, 'percentage']`. */
  readonly path: readonly (string | number)[];
  /** What was found, what is expected. */
  readonly message: string;
}

const workloadBase = (kind: string, summary: string) =>
  z.strictObject({
    kind: z.literal(kind).describe(summary),
    timeout: duration.prefault('10m').describe('The longest that a deployment may take until green is healthy.'),
  });
export type WorkloadBase = ReturnType<typeof workloadBase>;
export interface WorkloadConfig {
  readonly kind: string;
  readonly timeout: number;
}
export interface WorkloadSchema<Config> extends KindSchema<WorkloadBase, Config> {
  /** What is valid and still doubtful, each with its key: `runbook validate` prints it. */
  warnings?(config: Config): readonly string[];
}

const routerBase = (kind: string, summary: string) =>
  z.strictObject({
    kind: z.literal(kind).describe(summary),
    timeout: duration.prefault('2m').describe('The longest that a shift of traffic may take until it is in effect.'),
  });
export type RouterBase = ReturnType<typeof routerBase>;
export interface RouterConfig {
  readonly kind: string;
  readonly timeout: number;
}
export type RouterSchema<Config> = KindSchema<RouterBase, Config>;

const kindBase = (kind: string, summary: string) => z.strictObject({ kind: z.literal(kind).describe(summary) });
export type MetricsBase = ReturnType<typeof kindBase>;
export interface MetricsConfig {
  readonly kind: string;
  /** How often the watch reads, in milliseconds. */
  readonly poll: number;
}
export interface MetricsSchema<Config> extends KindSchema<MetricsBase, Config> {
  /** What is missing for slow requests to be counted, if something is: the key, and what is expected there. */
  latencyProblem?(config: Config): { readonly key: string; readonly message: string } | undefined;
}

const notificationBase = (kind: string, summary: string, defaultEvents: readonly NotificationEvent[]) =>
  kindBase(kind, summary).extend({
    events: z
      .array(z.enum([...NOTIFICATION_EVENTS, 'all']))
      .min(1)
      .default([...defaultEvents])
      .transform((events) => NOTIFICATION_EVENTS.filter((event) => events.includes(event) || events.includes('all')))
      .describe(
        'The events that this channel gets; `[all]` for every one. [notifications.md](notifications.md) describes them and the default.',
      ),
  });
type NotificationBase = ReturnType<typeof notificationBase>;
export interface NotificationConfig {
  readonly kind: string;
  /** Missing from runbooks of deployments that began before events had names: it gets all that is sent. */
  readonly events?: readonly NotificationEvent[] | undefined;
}
export interface NotificationSchema<Config> extends KindSchema<NotificationBase, Config> {
  /** The events that a channel of this kind gets where the runbook names none; without it, `DEFAULT_EVENTS`. */
  readonly defaultEvents?: readonly NotificationEvent[];
}

/** What every remedy has. */
export const remedyBase = {
  automatic: z
    .boolean()
    .default(false)
    .describe('Runs once by itself when the check fails. Otherwise a person runs it with `recheck --remedy`.'),
  timeout: duration.prefault('1h').describe('The longest that the remedy may take.'),
};
export const commandRemedySchema = z.strictObject({
  ...remedyBase,
  command: command(...TARGET_PLACEHOLDERS).describe('The program that fixes the problem.'),
  env: commandEnv,
});
const checkBase = (kind: string, summary: string) =>
  z.strictObject({
    id: name.describe('The name for commands such as `recheck --check ID`; unique in the runbook.'),
    title: z.string().min(1).describe('The title that people see.'),
    group: z.string().min(1).describe('The checks of one group run in order; groups run in parallel.'),
    critical: z.boolean().default(false).describe('A critical check can never be waived.'),
    timeout: duration.prefault('10m').describe('The longest that the check may take.'),
    remedy: commandRemedySchema.optional().describe('A fix for a failed check.'),
    kind: z.literal(kind).describe(summary),
  });
export type CheckBase = ReturnType<typeof checkBase>;
export interface CheckConfig {
  readonly id: string;
  readonly title: string;
  readonly group: string;
  readonly critical: boolean;
  readonly timeout: number;
  readonly kind: string;
  readonly remedy?: { readonly automatic: boolean; readonly timeout: number } | undefined;
}
export interface CheckSchema<Config> extends KindSchema<CheckBase, Config> {
  /** It takes seconds, and what it measures may change: it is made again right before the first shift. */
  readonly again?: true;
  /** A person confirms it, not the worker: what the person confirms. */
  statement?(config: Config): string;
  /** Which databases of the runbook it uses, each with the path of the key that names it. */
  databases?(config: Config): readonly NamedDatabase[];
}
interface NamedDatabase {
  readonly path: readonly (string | number)[];
  readonly database: string;
}

/** The kinds of each part of a runbook. */
export interface RunbookKinds {
  readonly workloads: readonly WorkloadSchema<WorkloadConfig>[];
  readonly routers: readonly RouterSchema<RouterConfig>[];
  readonly metrics: readonly MetricsSchema<MetricsConfig>[];
  readonly checks: readonly CheckSchema<CheckConfig>[];
  readonly notifications: readonly NotificationSchema<NotificationConfig>[];
}

/** The schema of each part that has kinds. */
export function kindSchemas({ workloads, routers, metrics, checks, notifications }: RunbookKinds) {
  return {
    workload: oneOf<WorkloadConfig>(workloads.map((one) => one.schema(workloadBase(one.kind, one.summary)))),
    router: oneOf<RouterConfig>(routers.map((one) => one.schema(routerBase(one.kind, one.summary)))),
    metrics: oneOf<MetricsConfig>(metrics.map((one) => one.schema(kindBase(one.kind, one.summary)))),
    check: oneOf<CheckConfig>(checks.map((one) => one.schema(checkBase(one.kind, one.summary)))),
    notification: oneOf<NotificationConfig>(
      notifications.map((one) =>
        one.schema(notificationBase(one.kind, one.summary, one.defaultEvents ?? DEFAULT_EVENTS)),
      ),
    ),
  };
}

interface Named {
  readonly kind: string;
}

/** What the kinds that a runbook names find wrong with it as a whole. */
export function problemsOfKinds(
  kinds: RunbookKinds,
  runbook: RunbookParts & Readonly<Record<'checklist' | 'verifyGreen' | 'notifications', readonly Named[]>>,
): readonly RunbookProblem[] {
  const { workload, router, metrics, checklist, verifyGreen, notifications } = runbook;
  const ask = <Config extends Named>(all: readonly KindSchema<never, Config>[], configs: readonly Config[]) =>
    configs.flatMap((config) => all.find(({ kind }) => kind === config.kind)?.problems?.(config, runbook) ?? []);
  return [
    ...ask(kinds.workloads, [workload]),
    ...ask(kinds.routers, [router]),
    ...ask(kinds.metrics, [metrics]),
    ...ask(kinds.checks, [...checklist, ...verifyGreen]),
    ...ask(kinds.notifications, notifications),
  ];
}

function oneOf<Config>(schemas: readonly z.ZodType[]): z.ZodType<Config> {
  return z.discriminatedUnion('kind', schemas as never) as z.ZodType<Config>;
}

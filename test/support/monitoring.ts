import { readFile } from 'node:fs/promises';

/** A Prometheus rule file, as far as the tests look. */
export interface RuleFile {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert?: string;
      readonly record?: string;
      readonly expr: string;
      readonly annotations?: Readonly<Record<string, string>>;
    }[];
  }[];
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

/** A Grafana dashboard, as far as the tests look. */
export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
}

export async function dashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile('monitoring/grafana-dashboard.json', 'utf8')) as Dashboard;
}

/** The PromQL in it; Grafana's variables are filled in as Grafana would. */
export function expressionsOf(source: RuleFile | Dashboard): string[] {
  if ('groups' in source) return source.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  return source.panels.flatMap(({ targets = [] }) =>
    targets.map(({ expr }) =>
      expr
        .replaceAll('$__range', '7d')
        .replaceAll('$__rate_interval', '5m')
        .replaceAll(/\$(service|environment|task_queue)\b/g, '.*'),
    ),
  );
}

/** The names of the metrics in an expression: ours and the SDK's. */
export function metricsIn(expression: string): string[] {
  return [...expression.matchAll(/(?<![:\w])(?:bluegreen|temporal)_\w+/g)].map(([name]) => name);
}

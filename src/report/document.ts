import type { DeploymentReport } from '../domain/index.ts';
import { type Poll, type SoakSeries, seriesOf } from './series.ts';

/** A report as it is written: what the deployment says of itself, which one it was, and the series of its soaks. */
export interface ReportDocument extends DeploymentReport {
  /** `<workflowId>/<run id>` */
  readonly deployment: string;
  readonly series: readonly SoakSeries[];
}

export function documentOf(deployment: string, report: DeploymentReport, polls: readonly Poll[]): ReportDocument {
  return { ...report, deployment, series: seriesOf(report, polls) };
}

import { log } from '@temporalio/activity';
import type { Activities } from '../domain/index.ts';
import { documentOf, FORMATS, render } from '../report/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function writeReport({ reports }: Dependencies): Activities['writeReport'] {
  return ({ deployment, report }) =>
    withHeartbeat(async () => {
      // A series that cannot be read is missing in the report; that is no reason to have none.
      const polls = await reports.polls(deployment).catch((error: unknown) => {
        log.warn('the series for the report cannot be read', { problem: String(error) });
        return [];
      });
      const document = documentOf(deployment, report, polls);
      const files: Record<string, string> = {};
      for (const format of FORMATS) files[`report.${format}`] = await render(format, document);
      const where = await reports.keep(deployment, files);
      log.debug('the report is written', { where });
      return { where };
    });
}

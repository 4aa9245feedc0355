import type { Activities } from '../domain/index.ts';
import { parseTrain, serviceName } from '../runbook/index.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeartbeat } from './with-heartbeat.ts';

export function planTrain(): Activities['planTrain'] {
  return async (sent) => parseTrain(sent);
}

export function findRunbook({ runbooks }: Pick<Dependencies, 'runbooks'>): Activities['findRunbook'] {
  return ({ service, environment }) =>
    withHeartbeat(async () => {
      await runbooks.find(serviceName.parse(service), serviceName.parse(environment));
    });
}

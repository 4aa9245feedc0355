import { execa } from 'execa';
import { endGroup, recordTail, SUPERVISOR } from '../processes/index.ts';
import { programArguments } from '../util/index.ts';

export interface WorkerProcess {
  /** Resolves with its last words when it ends without having been asked to. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * The real worker as a process of its own. In a group of its own too, so that a Ctrl-C reaches only the demo, which ends
 * things in order; and under the supervisor, so that it ends with the demo, also when that is killed.
 */
export function startWorker(env: NodeJS.ProcessEnv): WorkerProcess {
  const command = [process.execPath, ...programArguments(import.meta.url, '../worker')];
  const child = execa('/bin/sh', ['-c', SUPERVISOR, 'bluegreen', ...command], {
    env,
    extendEnv: false,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    buffer: false,
    reject: false,
  });
  child.stdio[3].resume();
  const said = recordTail(env);
  said.listenTo(child.stdout);
  said.listenTo(child.stderr);

  let asked = false;
  const gone = child.then(() => undefined);
  return {
    ended: new Promise((resolve) => {
      void gone.then(() => (asked ? undefined : resolve(said.text())));
    }),
    async stop() {
      asked = true;
      if (child.pid !== undefined) await endGroup(child.pid);
      await gone;
    },
  };
}

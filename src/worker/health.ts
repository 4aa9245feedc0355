import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { errorCode } from '../util/index.ts';

const VARIABLE = 'BLUEGREEN_HEALTH_ADDRESS';
/** A probe of Kubernetes that waits for longer counts as failed; docs and chart set its timeout above. */
const TEMPORAL_TIMEOUT_MS = 2_000;

/** What is asked about a worker that has started. */
interface Examined {
  readonly worker: Pick<Worker, 'getStatus'>;
  readonly connection: Pick<NativeConnection, 'withDeadline' | 'workflowService'>;
}

/** A page for probes: `/livez` and `/readyz` answer 200 or 503, with the reason as text. */
export interface HealthPage {
  /** Until this was called, the worker is live and not ready. */
  started(examined: Examined): void;
  close(): Promise<void>;
}

interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/**
 * Serves the page if BLUEGREEN_HEALTH_ADDRESS names an address such as 0.0.0.0:8081; off by default.
 * `/livez`: the process answers and its worker has not failed; a restart would help only then. `/readyz`: the worker takes
 * work, and Temporal answers.
 * @throws Error for an address that cannot be used.
 */
export async function serveHealth(env: NodeJS.ProcessEnv = process.env): Promise<HealthPage | undefined> {
  const address = env[VARIABLE];
  if (!address) return undefined;
  let examined: Examined | undefined;
  const pages: Readonly<Record<string, () => Answer | Promise<Answer>>> = {
    '/livez': () => live(examined),
    '/readyz': () => ready(examined),
  };
  const answer = async (path: string): Promise<{ readonly status: number; readonly text: string }> => {
    const page = pages[path];
    if (!page) return { status: 404, text: 'there are only /livez and /readyz' };
    const { ok, text } = await page();
    return { status: ok ? 200 : 503, text };
  };
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, text } = await answer((request.url ?? '').replace(/\?.*/, ''));
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  };
  const server = createServer((request, response) => void respond(request, response));
  await listen(server, address);
  return {
    started: (given) => {
      examined = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function live(examined: Examined | undefined): Answer {
  const state = examined?.worker.getStatus().runState;
  if (state === 'FAILED' || state === 'STOPPED') return { ok: false, text: `the worker has ended (${state})` };
  return { ok: true, text: 'live' };
}

async function ready(examined: Examined | undefined): Promise<Answer> {
  if (!examined) return { ok: false, text: 'the worker is starting' };
  const { runState, workflowPollerState, activityPollerState } = examined.worker.getStatus();
  if (runState !== 'RUNNING') return { ok: false, text: `the worker takes no work (${runState})` };
  if (workflowPollerState !== 'POLLING' || activityPollerState !== 'POLLING')
    return { ok: false, text: 'the worker does not ask Temporal for work' };
  return temporalAnswers(examined);
}

async function temporalAnswers({ connection }: Examined): Promise<Answer> {
  try {
    await connection.withDeadline(Date.now() + TEMPORAL_TIMEOUT_MS, () => connection.workflowService.getSystemInfo({}));
    return { ok: true, text: 'ready' };
  } catch (error) {
    return { ok: false, text: `Temporal does not answer (${errorCode(error) ?? 'unknown reason'})` };
  }
}

async function listen(server: Server, address: string): Promise<void> {
  const [, host, port] = /^(?:\[([^\]]+)\]|[^:[\]]+):(\d{1,5})$/.exec(address) ?? [];
  if (port === undefined) throw new Error(`${VARIABLE}: found "${address}", expected an address such as 0.0.0.0:8081`);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const reason = errorCode(error) ?? error.message;
      reject(new Error(`${VARIABLE}: the worker cannot listen on ${address} (${reason}); choose another address`));
    });
    server.listen(Number(port), host ?? address.slice(0, address.lastIndexOf(':')), resolve);
  });
}

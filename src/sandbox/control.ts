import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { messageOf } from '../util/index.ts';
import type { Production } from './production.ts';

/** What the commands in `bin/` talk to: turns each into a change of production and writes it down. */

const COMMANDS = ['deploy', 'shift-traffic', 'rollback', 'traffic-status', 'set-max-connections'] as const;
type CommandName = (typeof COMMANDS)[number];

const bodySchema = z.object({
  args: z.record(z.string(), z.string()),
  operation: z.string().optional(),
  attempt: z.string().optional(),
});

/** A line of the audit file. */
interface AuditEntry extends z.infer<typeof bodySchema> {
  readonly at: string;
  readonly command: CommandName;
  /** `ok`, or `failed: why`. */
  readonly outcome: string;
}

export interface Control {
  readonly port: number;
  stop(): Promise<void>;
}

export interface ControlOptions {
  readonly port: number;
  /** The name of the service that the commands take. */
  readonly service: string;
  readonly auditFile: string;
  readonly production: Production;
  readonly rollbackDelayMs: () => number;
  /** Restarts the database. Resolves to a line that says what customers noticed. */
  readonly setMaxConnections: (connections: number) => Promise<string>;
}

/** Listens on this machine only. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const server = createServer((request, response) => void answer(options, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(options: ControlOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
  const path = (request.url ?? '/').slice(1);
  if (request.method === 'GET' && path === 'status') return reply(200, status(options));
  const command = COMMANDS.find((name) => name === path);
  if (request.method !== 'POST' || !command) return reply(404, { error: `expected POST /{${COMMANDS.join(',')}}` });

  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const at = new Date().toISOString();
  const text = await readAll(request);
  const body = bodySchema.safeParse(parseJson(text));
  if (!body.success) return reply(400, { error: 'expected {"args":{...}} as JSON' });
  const write = (outcome: string): void => {
    const entry: AuditEntry = { at, command, ...body.data, outcome };
    appendFileSync(options.auditFile, `${JSON.stringify(entry)}\n`);
  };
  try {
    const output = await carryOut(options, command, body.data.args, gone.signal);
    write('ok');
    return reply(200, { output });
  } catch (error) {
    write(`failed: ${messageOf(error)}`);
    return reply(409, { error: messageOf(error) });
  }
}

async function carryOut(
  options: ControlOptions,
  command: CommandName,
  args: Readonly<Record<string, string>>,
  gone: AbortSignal,
): Promise<string> {
  const { production, rollbackDelayMs, setMaxConnections } = options;
  const { service = '', version = '', percentage = '', connections = '' } = args;
  if (service !== options.service)
    throw new Error(`there is no service "${service}"; the sandbox has "${options.service}"`);
  switch (command) {
    case 'deploy':
      return production.deploy(version);
    case 'shift-traffic':
      if (!/^\d{1,3}$/.test(percentage) || Number(percentage) > 100)
        throw new Error(`found --percentage ${percentage}, expected a whole number from 0 to 100`);
      return production.shiftTraffic(Number(percentage));
    case 'rollback':
      // The slow part is the command's: it ends when the command is killed, and then nothing has happened.
      await sleep(rollbackDelayMs(), undefined, { signal: gone }).catch(() => {
        throw new Error('the command was ended before it moved the traffic');
      });
      return production.rollback();
    case 'set-max-connections':
      if (!/^\d{1,3}$/.test(connections) || Number(connections) < 10)
        throw new Error(`found --connections ${connections}, expected a whole number from 10 to 999`);
      return setMaxConnections(Number(connections));
    case 'traffic-status':
      return JSON.stringify(status(options));
  }
}

const status = ({ service, production }: ControlOptions) => ({ service, traffic: production.traffic() });

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { createServer } from 'node:net';
import { afterEach } from '@jest/globals';
import { SMTPServer } from 'smtp-server';

export interface SmtpOptions {
  /** The user and the password that it wants. */
  readonly login?: readonly [string, string];
  /** With STARTTLS, and a certificate that nobody trusts: the one that the library has for tests. */
  readonly tls?: 'self-signed';
  readonly onLogin?: (user: string) => void;
  readonly onMail?: (mail: string) => void;
  /** It takes connections and says nothing. */
  readonly silent?: true;
  readonly port?: number;
}

/** How real SMTP servers are started in a test file; each ends with its test. */
export function useSmtpServers(): (options: SmtpOptions) => Promise<Started> {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });
  return async (options) => {
    const server = await (options.silent ? startSilent() : start(options));
    closing.push(server.close);
    return server;
  };
}

interface Started {
  readonly port: number;
  readonly close: () => Promise<void>;
}

async function start({ login, tls, onMail = () => {}, onLogin = () => {}, port = 0 }: SmtpOptions): Promise<Started> {
  const server = new SMTPServer({
    ...(tls === undefined && { disabledCommands: ['STARTTLS'] }),
    authOptional: login === undefined,
    allowInsecureAuth: true,
    logger: false,
    onAuth: ({ username, password }, _session, callback) => {
      onLogin(username ?? '');
      const isRight = username === login?.[0] && password === login?.[1];
      callback(
        isRight ? null : new Error(`no such user ${username} ${password}`),
        isRight ? { user: username } : undefined,
      );
    },
    onData: (stream, _session, callback) => {
      let mail = '';
      stream.on('data', (chunk) => (mail += String(chunk)));
      stream.on('end', () => {
        onMail(mail);
        callback();
      });
    },
  });
  server.on('error', () => {}); // a client that does not trust it
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: portOf(server.server.address()),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function startSilent(): Promise<Started> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(server.address()),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return address.port;
}

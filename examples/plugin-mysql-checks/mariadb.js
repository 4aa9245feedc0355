import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';

/** A MariaDB for the tests, in a temporary folder. Only the test uses this file. */

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

export function mariadbIsInstalled() {
  try {
    execFileSync('mariadbd', ['--no-defaults', '--version'], { env, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export async function startMariadb(...options) {
  const folder = mkdtempSync(join(tmpdir(), 'bluegreen-mariadb-'));
  // As root it runs as root: everything is in this folder.
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const data = `--datadir=${join(folder, 'data')}`;
  const auth = '--auth-root-authentication-method=normal';
  execFileSync('mariadb-install-db', ['--no-defaults', data, auth, '--skip-test-db', ...asRoot], {
    env,
    stdio: 'ignore',
  });
  const port = await freePort();
  const server = spawn(
    'mariadbd',
    [
      '--no-defaults',
      data,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 'socket')}`,
      '--innodb-flush-log-at-trx-commit=0',
      ...asRoot,
      ...options,
    ],
    { env, stdio: 'ignore' },
  );
  const exited = once(server, 'exit');
  const clients = [];
  const connect = async (user = 'root', password = '') => {
    const client = await mysql.createConnection({ host: '127.0.0.1', port, user, password });
    clients.push(client);
    return client;
  };
  const admin = await untilItAnswers(server, connect);
  return {
    port,
    admin,
    connect,
    url: (user, password, database = 'shop') =>
      `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    async stop() {
      for (const client of clients) client.destroy();
      server.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function untilItAnswers(server, connect) {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (server.exitCode !== null) throw new Error(`mariadbd ended with ${server.exitCode}`, { cause: error });
      await sleep(100);
    }
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findProgram } from '../../src/processes/index.ts';
import { type Program, startProgram } from '../../src/sandbox/program.ts';
import { describeWith } from './installed.ts';

/** Debian has nginx where only root's PATH leads. */
const SEARCHED = `${process.env['PATH']}:/usr/sbin`;
const [nginx, openssl] = [await findProgram('nginx', SEARCHED), await findProgram('openssl', SEARCHED)];

export const describeWithNginx = describeWith(nginx && openssl, 'nginx and openssl');

/** A real nginx that lets through to `upstreams`, by path, who logs in with `user:password`. */
export async function startLogin(login: string, upstreams: Readonly<Record<string, string>>): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), 'bluegreen-nginx-'));
  await chmod(directory, 0o755); // nginx reads the passwords as another user where it is started by root
  const [user = '', password = ''] = login.split(':');
  const { stdout } = await execa(openssl ?? '', ['passwd', '-apr1', password]);
  await writeFile(join(directory, 'htpasswd'), `${user}:${stdout}\n`);
  const conf = join(directory, 'nginx.conf');
  const locations = Object.entries(upstreams).map(
    ([path, to]) =>
      `location ${path} { auth_basic "metrics"; auth_basic_user_file ${directory}/htpasswd; proxy_pass ${to}; }`,
  );
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((one) => `${one}_temp_path ${directory}/temp;`);
  const program = await startProgram({
    program: nginx ?? '',
    directory,
    port: 0,
    readyPath: '/no-login-needed',
    async args(address) {
      await writeFile(
        conf,
        `daemon off; pid ${directory}/nginx.pid; error_log ${directory}/error.log; events {}
http { access_log off; ${kept.join(' ')} server { listen ${address};
  location = /no-login-needed { return 200; }
  ${locations.join('\n  ')}
} }`,
      );
      return ['-c', conf, '-e', join(directory, 'error.log')];
    },
  });
  return {
    ...program,
    async stop() {
      await program.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

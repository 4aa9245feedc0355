import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { startProgram } from '../../src/sandbox/program.ts';
import { deployAll } from './support/router-cases.ts';
import { findRouter, type Site, useRouter, writeProgram } from './support/router-scene.ts';

/**
 * A real nginx, of which mtail counts the log. Not with the preset nginx-vts: Debian does not have that module, and without
 * it nginx counts no status codes.
 */

const { describeWithRouter, pathOf } = await findRouter('nginx', 'mtail', 'curl');

/** What nginx keeps in folders that only root may write. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

async function startNginx(site: Site) {
  for (const file of ['slots.conf', 'versions']) await site.write(`nginx/shop/${file}`, site.example(file));
  const log = await site.write('nginx/shop.log', '');
  const programs = dirname(await site.write('mtail/shop.mtail', site.example('shop.mtail')));
  const conf = await site.write(
    'nginx/nginx.conf',
    `worker_processes 1;
pid ${site.folder}/nginx.pid;
error_log ${site.folder}/nginx/error.log;
events {}
http {
  ${TEMPORARY.map((each) => `${each}_temp_path ${site.folder}/temp;`).join('\n  ')}
  access_log off;
${site.example('shop.conf')}
}
`,
  );
  await mkdir(join(site.folder, 'temp'));
  await writeProgram(site, 'nginx', `#!/bin/sh\nexec ${pathOf('nginx')} -c ${conf} "$@"\n`);
  const nginx = await startProgram({
    program: pathOf('nginx'),
    directory: site.folder,
    port: site.port(8406),
    args: () => ['-c', conf, '-g', 'daemon off;'],
    readyPath: '/status',
  });
  const mtail = await startProgram({
    program: pathOf('mtail'),
    directory: site.folder,
    port: site.port(3903),
    args: (address) => {
      const listen = ['--address', '127.0.0.1', '--port', address.split(':')[1] ?? ''];
      return [...listen, '--progs', programs, '--logs', log, '--emit_prog_label=false', '--logtostderr'];
    },
    readyPath: '/metrics',
  }).catch(async (error: unknown) => {
    await nginx.stop();
    throw error;
  });
  return [nginx, mtail];
}

describeWithRouter('deployments behind nginx', () => deployAll(useRouter('nginx', startNginx)));

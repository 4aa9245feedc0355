import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startProgram } from '../../src/sandbox/program.ts';
import { deployAll } from './support/router-cases.ts';
import { findRouter, type Site, useRouter } from './support/router-scene.ts';

/** A real HAProxy, watched with its preset; durations from the application's own page. */

const { describeWithRouter, pathOf } = await findRouter('haproxy', 'socat', 'curl');

async function startHaproxy(site: Site) {
  const file = await site.write('haproxy/haproxy.cfg', site.example('haproxy.cfg'));
  for (const map of site.maps()) await site.write(`haproxy/${map}`, site.example(map));
  await mkdir(join(site.folder, 'bluegreen')); // for the weights
  const haproxy = await startProgram({
    program: pathOf('haproxy'),
    directory: site.folder,
    port: site.port(8405),
    args: () => ['-db', '-f', file],
    readyPath: '/metrics',
  });
  return [haproxy];
}

describeWithRouter('deployments behind HAProxy, by a script', () => deployAll(useRouter('haproxy', startHaproxy)));
describeWithRouter('deployments behind HAProxy, by its weights', () =>
  deployAll(useRouter('haproxy-servers', startHaproxy)),
);

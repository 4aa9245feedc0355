import { join } from 'node:path';
import { startChild } from './children.ts';
import { allowPassage, MIGRATED, startDatabase, urlOf } from './database.ts';
import type { RouterOrder } from './router.ts';
import type { ServiceConfig, ServiceFault } from './service.ts';

/** The version that is tested under load before it is deployed. */
const VERSION = '2.5.0';

/** A database as full as production's and migrated already, with the new version on it; nobody uses it but tests. */
export interface Staging {
  readonly route: RouterOrder['staging'][number];
  /** As a role that sees everything. */
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/** @throws when a part does not start; nothing is left running. */
export async function startStaging(options: {
  readonly directory: string;
  readonly temporary: boolean;
  readonly port: number;
  readonly rows: number;
}): Promise<Staging> {
  const { directory, port } = options;
  const folder = join(directory, 'staging');
  await allowPassage(folder);
  const database = await startDatabase({ ...options, ...MIGRATED, directory: folder });
  try {
    const service = await startChild<ServiceFault>({
      program: 'service-process',
      name: 'staging',
      config: { version: VERSION, databaseUrl: urlOf(port, 'recommendation') } satisfies ServiceConfig,
      directory,
    });
    return {
      route: { version: VERSION, origins: [`http://127.0.0.1:${service.port}`] },
      databaseUrl: urlOf(port, 'bluegreen'),
      async stop() {
        await service.stop();
        await database.stop();
      },
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

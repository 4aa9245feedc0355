import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher } from 'undici';
import { errorCode } from '../util/index.ts';

/**
 * Connections that trust the CA in this file of the worker, and no other.
 * @throws Error that says why the file is of no use, without its content.
 */
export async function withTrust(caFile: string): Promise<Dispatcher> {
  const ca = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw new Error(`the file ${caFile} with the CA cannot be read on this worker (${errorCode(error)})`);
  });
  if (!ca.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(`the file ${caFile} holds no CA: expected a certificate in PEM form`);
  return new Agent({ connect: { ca } });
}

import { readFile } from 'node:fs/promises';
import type { Dispatcher } from 'undici';
import { createDispatcher } from '../proxy/index.ts';
import { errorCode } from '../util/index.ts';
import { CONNECTIONS } from './http-client.ts';

/** The connections for each file, as long as the CA in it stays the same. */
const agents = new Map<string, { readonly ca: string; readonly agent: Dispatcher }>();

/** The content of a file of CAs. @throws Error that says why the file is of no use, without its content. */
export async function readCa(caFile: string): Promise<string> {
  const ca = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw new Error(`the file ${caFile} with the CA cannot be read on this worker (${errorCode(error)})`);
  });
  if (ca.includes('-----BEGIN CERTIFICATE-----')) return ca;
  throw new Error(`the file ${caFile} holds no CA: expected a certificate in PEM form`);
}

/**
 * Connections that trust the CA in this file of the worker, and no other. A file that is replaced counts from the next call.
 * @throws as `readCa` does.
 */
export async function withTrust(caFile: string): Promise<Dispatcher> {
  const ca = await readCa(caFile);
  const before = agents.get(caFile);
  if (before?.ca === ca) return before.agent;
  // Its requests end first. Nobody waits for that.
  void before?.agent.close().catch(() => {});
  const agent = createDispatcher({ ...CONNECTIONS, connect: { ca } });
  agents.set(caFile, { ca, agent });
  return agent;
}

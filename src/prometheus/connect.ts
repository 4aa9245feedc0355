import { readBasic, readHeader } from './credentials.ts';
import type { Server } from './http-client.ts';
import { withTrust } from './tls.ts';
import { readToken } from './token.ts';

/** A server as a runbook describes it: secrets by the name of a variable. */
export interface ServerConfig {
  readonly url: string;
  /** For one answer, in milliseconds. */
  readonly timeout?: number | undefined;
  readonly auth?: { readonly tokenEnv: string } | { readonly basicEnv: string } | undefined;
  readonly headers: Readonly<Record<string, string | { readonly env: string }>>;
  readonly caFile?: string | undefined;
}

/** `name` is what messages call it. @throws Error that names the variable or the file that is missing. */
export async function connect(name: string, config: ServerConfig, env: NodeJS.ProcessEnv): Promise<Server> {
  const { auth, headers, caFile, url, timeout } = config;
  return {
    name,
    url,
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(auth && 'tokenEnv' in auth && { token: readToken(env, auth.tokenEnv) }),
    ...(auth && 'basicEnv' in auth && { basic: readBasic(env, auth.basicEnv) }),
    headers: Object.entries(headers).map(([header, value]) =>
      typeof value === 'string' ? { name: header, value } : readHeader(env, header, value.env),
    ),
    ...(caFile !== undefined && { dispatcher: await withTrust(caFile) }),
  };
}

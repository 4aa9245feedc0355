import { readFile } from 'node:fs/promises';
import { messageOf, readVariable } from '../util/index.ts';
import { StateUnavailable } from './store.ts';
import { elementIn } from './xml.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Epoch milliseconds. Keys without an end are read anew each time. */
  readonly expiresAt?: number;
}

/** New ones are asked for so long before the old ones end. */
const EARLY_MS = 5 * 60_000;
/** Of Amazon ECS. */
const CONTAINER_HOST = 'http://169.254.170.2';

/**
 * Credentials from the variables of AWS' own tools, in their order: keys, the role of a Kubernetes service account (IRSA),
 * and the address that EKS Pod Identity and ECS give to a container. Roles of EC2 machines are not read.
 */
export function s3Credentials(env: NodeJS.ProcessEnv, region: string): (signal: AbortSignal) => Promise<Credentials> {
  let temporary: Credentials | undefined;
  return async (signal) => {
    const fixed = keysIn(env);
    if (fixed) return fixed;
    if (temporary?.expiresAt === undefined || temporary.expiresAt - EARLY_MS < Date.now())
      temporary = await temporaryCredentials(env, { region, signal });
    return temporary;
  };
}

function keysIn(env: NodeJS.ProcessEnv): Credentials | undefined {
  const read = (name: string): string => {
    try {
      return readVariable(env, name) ?? '';
    } catch (error) {
      throw new StateUnavailable(messageOf(error));
    }
  };
  const accessKeyId = read('AWS_ACCESS_KEY_ID');
  const secretAccessKey = read('AWS_SECRET_ACCESS_KEY');
  const sessionToken = read('AWS_SESSION_TOKEN');
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

interface Asked {
  readonly region: string;
  readonly signal: AbortSignal;
}

async function temporaryCredentials(env: NodeJS.ProcessEnv, asked: Asked): Promise<Credentials> {
  const { AWS_ROLE_ARN: role, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile } = env;
  if (role && tokenFile) return ofWebIdentity(env, { ...asked, role, tokenFile });
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const address = relative ? `${CONTAINER_HOST}${relative}` : env['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (address) return ofContainer(env, { ...asked, address });
  throw new StateUnavailable(
    'there are no credentials for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the same names with ' +
      '_FILE), or give the pod a role (AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, or EKS Pod Identity)',
  );
}

async function ofWebIdentity(
  env: NodeJS.ProcessEnv,
  { region, signal, role, tokenFile }: Asked & { readonly role: string; readonly tokenFile: string },
): Promise<Credentials> {
  const what = `the role of AWS_ROLE_ARN cannot be assumed`;
  const token = await fileText(tokenFile, `${what}: the file of AWS_WEB_IDENTITY_TOKEN_FILE`);
  const endpoint = env['AWS_ENDPOINT_URL_STS'] ?? env['AWS_ENDPOINT_URL'] ?? `https://sts.${region}.amazonaws.com`;
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] ?? 'bluegreen-worker',
    WebIdentityToken: token,
  });
  const answer = await ask(endpoint, { method: 'POST', body, signal }, what);
  const text = await answer.text();
  if (!answer.ok)
    throw new StateUnavailable(
      `${what}: STS answers ${elementIn(text, 'Code') ?? answer.status}; check the role's trust policy`,
    );
  return checked(what, {
    accessKeyId: elementIn(text, 'AccessKeyId'),
    secretAccessKey: elementIn(text, 'SecretAccessKey'),
    sessionToken: elementIn(text, 'SessionToken'),
    expiration: elementIn(text, 'Expiration'),
  });
}

async function ofContainer(
  env: NodeJS.ProcessEnv,
  { signal, address }: Asked & { readonly address: string },
): Promise<Credentials> {
  const what = 'the address in AWS_CONTAINER_CREDENTIALS_FULL_URI gives no credentials';
  const tokenFile = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token = tokenFile
    ? await fileText(tokenFile, `${what}: the file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`)
    : env['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  const answer = await ask(address, { signal, headers: token ? { authorization: token } : {} }, what);
  if (!answer.ok) throw new StateUnavailable(`${what}: it answers ${answer.status}`);
  const given = (await answer.json().catch(() => ({}))) as Readonly<Record<string, string | undefined>>;
  return checked(what, {
    accessKeyId: given['AccessKeyId'],
    secretAccessKey: given['SecretAccessKey'],
    sessionToken: given['Token'],
    expiration: given['Expiration'],
  });
}

function checked(
  what: string,
  given: Readonly<Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'expiration', string | undefined>>,
): Credentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration = '' } = given;
  const expiresAt = Date.parse(expiration);
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(expiresAt))
    throw new StateUnavailable(`${what}: the answer is incomplete`);
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt };
}

async function fileText(file: string, what: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch {
    throw new StateUnavailable(`${what} cannot be read`);
  }
}

/** Without the cause, which may hold the address. */
async function ask(address: string, init: RequestInit, what: string): Promise<Response> {
  try {
    return await fetch(address, { ...init, redirect: 'error' });
  } catch {
    throw new StateUnavailable(`${what}: it does not answer`);
  }
}

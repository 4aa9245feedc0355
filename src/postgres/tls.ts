import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { errorCode } from '../util/index.ts';
import type { Parameters } from './parameters.ts';
import { homeOf } from './password.ts';
import { SettingError } from './setting-error.ts';

/**
 * What each `sslmode` tries, in this order. `no-verify` is not libpq's: node-postgres, which many services use, calls
 * encryption without any verification so.
 */
const TRIES = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls', 'plain'],
  'no-verify': ['tls'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
} as const;

export type SslMode = keyof typeof TRIES;

/** How to open a connection: as plain text, or with these options of TLS. */
export type Encryption = false | ConnectionOptions;

/** OpenSSL's bundle of the system's CAs: Debian, Red Hat, SUSE, Alpine. */
const SYSTEM_CAS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** @throws SettingError for a mode that there is not, or that is too weak for the system's CAs. */
export function sslModeOf({ sslmode, sslrootcert, sslnegotiation }: Parameters): SslMode {
  const system = sslrootcert === 'system';
  const mode = sslmode ?? (system ? 'verify-full' : 'prefer');
  if (!isSslMode(mode)) throw new SettingError(`sslmode is none of ${Object.keys(TRIES).join(', ')} (not shown)`);
  // Anybody may get a certificate from a public CA: only with the host's name does it prove anything.
  if (system && mode !== 'verify-full')
    throw new SettingError(
      `sslrootcert=system needs sslmode=verify-full, found sslmode=${mode}: libpq takes no weaker mode either`,
    );
  if (sslnegotiation === 'direct' && TRIES[mode].some((how) => how === 'plain'))
    throw new SettingError(`sslnegotiation=direct needs sslmode=require or stronger, found sslmode=${mode}`);
  return mode;
}

/**
 * The ways to try, one after the other. Reads the files that the parameters name, and those in ~/.postgresql.
 * @throws SettingError that names the file that is of no use.
 */
export async function encryptionsOf(
  parameters: Parameters,
  { mode, host, env }: { readonly mode: SslMode; readonly host: string; readonly env: NodeJS.ProcessEnv },
): Promise<readonly Encryption[]> {
  if (host.startsWith('/')) return [false]; // as libpq: no TLS through a Unix socket, whatever is asked for
  const tries = TRIES[mode];
  if (!tries.some((how) => how === 'tls')) return [false];
  const options = await tlsOptions(parameters, { mode, env });
  return tries.map((how) => how === 'tls' && options);
}

async function tlsOptions(
  parameters: Parameters,
  { mode, env }: { readonly mode: SslMode; readonly env: NodeJS.ProcessEnv },
): Promise<ConnectionOptions> {
  const home = (file: string) => join(homeOf(env), '.postgresql', file);
  const { sslrootcert, sslcert, sslkey, sslpassword, sslcrl, sslcertmode } = parameters;
  const trust = mode === 'no-verify' ? undefined : await trusted(sslrootcert ?? existing(home('root.crt')), env);
  if (trust === undefined && mode.startsWith('verify'))
    throw new SettingError(
      `sslmode=${mode} needs the server's CA: name its file in caFile under databases in the runbook or as sslrootcert, put it into ${home('root.crt')}, or write sslrootcert=system for the CAs that the system trusts`,
    );
  const certFile = sslcertmode === 'disable' ? undefined : (sslcert ?? existing(home('postgresql.crt')));
  const keyFile = certFile === undefined ? undefined : (sslkey ?? home('postgresql.key'));
  const crlFile = trust && (sslcrl ?? existing(home('root.crl')));
  const secureContext = secureContextOf(
    {
      ...trust,
      ...(certFile && { cert: await read('sslcert', certFile) }),
      ...(keyFile && { key: await read('sslkey', keyFile) }),
      ...(sslpassword && { passphrase: sslpassword }),
      ...(crlFile && { crl: await read('sslcrl', crlFile) }),
      ...versionsOf(parameters),
    },
    keyFile,
  );
  return {
    secureContext,
    rejectUnauthorized: trust !== undefined,
    checkServerIdentity: mode === 'verify-full' ? matchesHost : () => undefined,
  };
}

/** The CAs to trust: those of a file and no other, or the system's. Undefined: verify nothing. */
async function trusted(
  rootCert: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<SecureContextOptions | undefined> {
  if (rootCert === undefined) return undefined;
  if (rootCert === 'system') {
    const file = env['SSL_CERT_FILE'] ?? SYSTEM_CAS.find(existsSync);
    return file === undefined ? {} : { ca: await read('sslrootcert=system', file) };
  }
  const ca = await read('sslrootcert or caFile', rootCert);
  if (!/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(ca))
    throw new SettingError(`the file ${rootCert} holds no CA: expected a certificate in PEM form`);
  return { ca };
}

function secureContextOf(options: SecureContextOptions, keyFile: string | undefined) {
  try {
    return createSecureContext(options);
  } catch (error) {
    const code = errorCode(error) ?? 'unknown';
    if (keyFile === undefined) throw new SettingError(`the files for TLS cannot be used (${code})`);
    throw new SettingError(
      `the client certificate and its key ${keyFile} cannot be used (${code}): expected both in PEM form, the key of this certificate, and its passphrase in sslpassword if it has one`,
    );
  }
}

function versionsOf(parameters: Parameters): { minVersion?: SecureVersion; maxVersion?: SecureVersion } {
  const { ssl_min_protocol_version: min, ssl_max_protocol_version: max } = parameters;
  return { ...(min && { minVersion: version(min) }), ...(max && { maxVersion: version(max) }) };
}

function version(name: string): SecureVersion {
  const found = (['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).find(
    (each) => each.toLowerCase() === name.toLowerCase(),
  );
  if (!found) throw new SettingError('a version of TLS is none of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 (not shown)');
  return found;
}

/** As libpq, also an IP address as the common name of a certificate without other names. */
function matchesHost(host: string, certificate: PeerCertificate): Error | undefined {
  const { subject, subjectaltname } = certificate;
  if (isIP(host) !== 0 && !subjectaltname && subject.CN === host) return undefined;
  return checkServerIdentity(host, certificate);
}

async function read(what: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SettingError(`${what}: the file ${file} cannot be read on this worker (${errorCode(error)})`);
  }
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}

function isSslMode(mode: string): mode is SslMode {
  return Object.hasOwn(TRIES, mode);
}

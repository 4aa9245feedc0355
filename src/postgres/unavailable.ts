import pg from 'pg';
import { errorCode, redact } from '../util/index.ts';
import { SettingError } from './setting-error.ts';
import { isSocket, labelOf, type Target } from './targets.ts';
import type { SslMode } from './tls.ts';

/** The database could not be reached or refused us. `code` is PostgreSQL's SQLSTATE or the system's error code. */
export class DatabaseUnavailable extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'DatabaseUnavailable';
    this.code = code;
  }
}

/** An attempt that failed. */
export interface Attempt {
  readonly target: Target;
  readonly mode: SslMode;
  readonly encrypted: boolean;
  /** As messages call the database. */
  readonly database: string;
  /** The variable that holds the URL, if no runbook names it. */
  readonly urlVariable: string | undefined;
}

/** pg gives these no code. */
const NO_TLS_OFFERED = 'ERR_NO_TLS_OFFERED';
const NO_TLS_ANSWER = 'ERR_NO_TLS_ANSWER';
const CODES: Readonly<Record<string, string>> = {
  'The server does not support SSL connections': NO_TLS_OFFERED,
  'There was an error establishing an SSL connection': NO_TLS_ANSWER,
  'timeout expired': 'ETIMEDOUT',
};

function codeOf(error: unknown): string {
  return errorCode(error) ?? (error instanceof Error ? CODES[error.message] : undefined) ?? 'unknown';
}

const USER_REFUSED = '28000';
const STARTING_UP = '57P03';
const UNREACHABLE =
  /^(ECONNREFUSED|ENOENT|EACCES|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/;

/** TLS did not even begin: where the other way fails too, its reason says more. */
export function saysLittle({ code }: Explained): boolean {
  return code === NO_TLS_OFFERED || code === NO_TLS_ANSWER;
}

/** With encryption instead of without, or the other way round: pg_hba.conf may ask for the other, or only one may work. */
export function otherWayMayDo(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return error.code === USER_REFUSED;
  return !(error instanceof SettingError) && !UNREACHABLE.test(codeOf(error));
}

export interface Explained {
  readonly code: string;
  readonly words: string;
  readonly final: boolean;
}

/** Errors of TLS that say that the certificate is not signed by one of the CAs. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_SIGNATURE_FAILURE|INVALID_CA|CERT_UNTRUSTED)$/;

/** A missing or unsuitable certificate of ours, as the server calls it in TLS and in PostgreSQL. */
const CLIENT_CERTIFICATE = /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA)/;

export function whereItsUrlStands(database: string, urlVariable?: string): string {
  return urlVariable ?? `the variable that the runbook names in databases.${database}.urlEnv`;
}

/**
 * Without the cause, on purpose: what is thrown ends in a history, and causes hold addresses and users. `final`: other
 * servers of the list are not tried, as in libpq: a server was reached, and it is not what was to be reached.
 */
export function explain(error: unknown, attempt: Attempt): Explained {
  if (error instanceof SettingError) {
    const words = `correct ${whereItsUrlStands(attempt.database, attempt.urlVariable)}: ${error.message}`;
    return { code: 'ERR_INVALID_URL', words, final: true };
  }
  const code = codeOf(error);
  const tls = ofTls(error, { ...attempt, code });
  const refused = error instanceof pg.DatabaseError && code !== STARTING_UP;
  return { code, words: tls ?? ofServer(error, { ...attempt, code }), final: refused || tls !== undefined };
}

function ofTls(error: unknown, attempt: Attempt & { readonly code: string }): string | undefined {
  const { code, database, urlVariable, mode, target } = attempt;
  const caPlace = urlVariable === undefined ? `databases.${database}.caFile` : `sslrootcert in ${urlVariable}`;
  const where = labelOf(target);
  const unverified = 'or write sslmode=require without sslrootcert and caFile to encrypt without verification';
  if (code === NO_TLS_OFFERED)
    return `${where} offers no TLS, and sslmode=${mode} requires it; set ssl = on in the server, or write sslmode=disable`;
  if (code === NO_TLS_ANSWER)
    return `${where} answers the request for TLS with an error; does PostgreSQL itself listen there, and what does its log say?`;
  if (UNTRUSTED.test(code))
    return `the certificate of ${where} is not signed by a CA that sslmode=${mode} trusts here (${code}); put the certificate of the server's CA into a file on the worker and name it in ${caPlace}, ${unverified}`;
  if (code === 'CERT_HAS_EXPIRED')
    return `the certificate of ${where} has expired, or one of a CA above it; renew it on the server, ${unverified}`;
  if (code === 'CERT_NOT_YET_VALID')
    return `the certificate of ${where} is not valid yet; are the clocks of the server and the worker right?`;
  if (code === 'CERT_REVOKED') return `the certificate of ${where} is revoked by sslcrl; give the server another one`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${where} is for ${namesIn(error)}, not for ${target.host}; connect to a host of that name, or write sslmode=verify-ca to accept every name that the CA signed`;
  if (CLIENT_CERTIFICATE.test(code))
    return `${where} refuses the client certificate, or misses one (${code}); give one that a CA in its ssl_ca_file signed as sslcert and sslkey`;
  if (/^(EPROTO|ERR_SSL_|ERR_TLS_)/.test(code))
    return `no TLS connection to ${where} came about (${code}); compare the TLS versions of both sides, and whether PostgreSQL itself listens there`;
  return undefined;
}

function ofServer(error: unknown, attempt: Attempt & { readonly code: string }): string {
  const { code, database, urlVariable, target } = attempt;
  const where = labelOf(target);
  const itsUrl = whereItsUrlStands(database, urlVariable);
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: `nothing listens on ${where}; start PostgreSQL, or correct ${itsUrl}`,
    ENOENT: `${where} does not exist on this worker; start PostgreSQL on this machine, or correct the folder (unix_socket_directories) in ${itsUrl}`,
    EACCES: `the worker's user may not open ${where}; correct its permissions (unix_socket_permissions)`,
    ETIMEDOUT: `${where} did not answer in time; correct ${itsUrl}, or what is between it and the worker (firewall, security group)`,
    ENOTFOUND: `the host of ${where} is unknown; correct ${itsUrl}`,
    EAI_AGAIN: `the host of ${where} could not be looked up; is the name service up?`,
    '28P01': `the password or user is refused; correct ${itsUrl}`,
    [USER_REFUSED]: refusedUser(error, attempt),
    '3D000': `there is no database of the name in ${itsUrl}`,
    '53300': 'no connection is free: too many clients already',
    [STARTING_UP]: 'PostgreSQL is starting up or shutting down',
  };
  return words[code] ?? `${where} did not let us in: ${messageOf(error)}`;
}

function refusedUser(error: unknown, { database, urlVariable, encrypted, mode, target }: Attempt): string {
  const itsUrl = whereItsUrlStands(database, urlVariable);
  if (/client certificate|certificate authentication/i.test(messageOf(error)))
    return `${labelOf(target)} lets this user in only with a client certificate for it; give sslcert and sslkey in ${itsUrl}`;
  if (encrypted || isSocket(target)) return `the user is refused; correct ${itsUrl}, or pg_hba.conf on the server`;
  return `the user is refused without TLS (sslmode=${mode}); write sslmode=require if the server lets it in only with TLS (hostssl in pg_hba.conf), or else correct ${itsUrl} or pg_hba.conf`;
}

/** What a certificate says it is for: the server's words, so cut. */
function namesIn(error: unknown): string {
  const cert = typeof error === 'object' && error !== null && 'cert' in error ? error.cert : undefined;
  const { subject, subjectaltname } = (cert ?? {}) as { subject?: { CN?: unknown }; subjectaltname?: unknown };
  const names = subjectaltname ?? subject?.CN;
  return typeof names === 'string' ? names.slice(0, 200) : 'another name';
}

/** A message from PostgreSQL, fit for a history. */
export function messageOf(error: unknown): string {
  const message: unknown = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return redact(String(message)).slice(0, 300);
}

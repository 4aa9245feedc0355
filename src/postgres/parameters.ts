import { parseKeyValues } from './key-values.ts';
import { SettingError } from './setting-error.ts';
import { isUrl, parseUrl, type Written } from './url.ts';

/** The parameters of libpq that have an effect here, each with the variable that it is read from where the string has none. */
const USED = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  dbname: 'PGDATABASE',
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  channel_binding: 'PGCHANNELBINDING',
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  sslcrl: 'PGSSLCRL',
  sslcertmode: 'PGSSLCERTMODE',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
} as const;

type Name = keyof typeof USED;
export type Parameters = { readonly [name in Name]?: string };

/** Parameters that would change who is asked or what is proven, each with the values under which they change nothing. */
const REFUSED: Readonly<Record<string, { readonly variable?: string; readonly harmless: readonly string[] }>> = {
  service: { variable: 'PGSERVICE', harmless: [] },
  servicefile: { harmless: [] },
  replication: { harmless: ['false', 'off', 'no', '0'] },
  gssencmode: { variable: 'PGGSSENCMODE', harmless: ['disable', 'prefer'] },
  require_auth: { variable: 'PGREQUIREAUTH', harmless: [] },
  requirepeer: { variable: 'PGREQUIREPEER', harmless: [] },
  requiressl: { variable: 'PGREQUIRESSL', harmless: ['0'] },
  sslcrldir: { variable: 'PGSSLCRLDIR', harmless: [] },
  sslsni: { variable: 'PGSSLSNI', harmless: ['1'] },
};

/** Parameters of libpq that change nothing for a check, and one by which node-postgres is made to read a URL like libpq. */
const WITHOUT_EFFECT =
  /^(application_name|fallback_application_name|client_encoding|keepalives(_idle|_interval|_count)?|tcp_user_timeout|krbsrvname|gsslib|gssdelegation|sslcompression|sslkeylogfile|(min|max)_protocol_version|uselibpqcompat)$/;

/** Where the parameters of a connection come from. */
export interface ParameterSources {
  /** A URL or key-value pairs, as libpq reads them. */
  readonly url: string;
  /** The runbook's CA: counts before `sslrootcert`. */
  readonly caFile?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * What libpq would connect with: the connection string, then the PG... variables.
 * @throws SettingError for what cannot be read, and for parameters that cannot be kept.
 */
export function readParameters({ url, caFile, env }: ParameterSources): Parameters {
  const parameters: { [name in Name]?: string } = {};
  for (const [name, variable] of Object.entries(USED))
    if (variable !== undefined && env[variable]) parameters[name as Name] = env[variable];
  for (const [name, { variable, harmless }] of Object.entries(REFUSED)) {
    const value = variable === undefined ? undefined : env[variable];
    if (value && !harmless.includes(value)) throw new SettingError(`${variable}: ${notSupported(name)}`);
  }
  for (const written of parse(url.trim())) {
    const { name, value } = written;
    if (Object.hasOwn(USED, name)) {
      if (value !== '') parameters[name as Name] = value;
    } else refuse(written);
  }
  // A CA that somebody names is to be checked against: a mode that would do without it has to be written.
  const chosen = caFile !== undefined && { sslrootcert: caFile, sslmode: parameters.sslmode ?? 'verify-full' };
  return { ...parameters, ...chosen };
}

function parse(text: string): readonly Written[] {
  if (isUrl(text)) return parseUrl(text);
  if (/^(jdbc:)?postgres(ql)?(\+\w+)?:/.test(text))
    throw new SettingError(
      'it is written for another driver: expected a URL that begins with "postgres:", as psql takes it',
    );
  if (text.includes('=') && !text.includes('://')) return parseKeyValues(text);
  throw new SettingError(
    'it holds no URL of PostgreSQL: expected one that begins with "postgres:", or key-value pairs such as host=HOST user=USER',
  );
}

function refuse({ name, value, secret }: Written): void {
  if (WITHOUT_EFFECT.test(name)) return;
  if (Object.hasOwn(REFUSED, name)) {
    if (REFUSED[name]?.harmless.includes(value)) return;
    throw new SettingError(notSupported(name));
  }
  throw new SettingError(
    secret
      ? 'one of its parameters is not a parameter of libpq (not shown: it may be a piece of a password); in a URL write "@" as %40, "/" as %2F and "?" as %3F, in key-value pairs put the password in single quotes'
      : `${name.slice(0, 40)} is not a parameter of libpq: remove it, psql refuses it too`,
  );
}

function notSupported(name: string): string {
  const instead =
    name === 'service'
      ? 'write host, port, user, password and dbname themselves'
      : 'remove it from what the checks use';
  return `the parameter ${name} is not supported for checks: ${instead}`;
}

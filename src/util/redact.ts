import { hideSecrets, looksLikeSecret } from './hide-secrets.ts';

/** Variables whose values must never be seen, by what they are called. */
const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL|COOKIE|AUTH(?!OR)|DSN|_URL$|_URI$|^PGPASS/i;
/** Variables that a runbook names as the place of a secret, whatever they are called. */
const named = new Set<string>();
/** The last values that were read from files, by the variable: what has just been replaced may still be printed. */
const readFromFiles = new Map<string, readonly string[]>();
const KEPT_OF_A_FILE = 5;
/** Shorter values are left alone: they would blank out ordinary words. */
const SHORTEST_SECRET = 6;

/** Any scheme. The scheme's length is bounded so that a long text without blanks stays linear. */
const URL_PATTERN = /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>`]+/gi;
/** Secrets that came from a file or an answer and stand in no variable: these names, and what is assigned to them. */
const KEY = 'password|passwd|secret|token|api[_-]?key|authorization';
const QUOTED = `"[^"]*"|'[^']*'`;
/** `password=abc`, `"token": "abc"`, `token: 'abc'`, `"token": 12`: only data is written like that. */
const ASSIGNED = new RegExp(
  `((?:${KEY})(?:=|["']?\\s*[=:]\\s*(?=["'])|["']\\s*[=:]\\s*))(${QUOTED}|[^\\s,;&}]+)`,
  'gi',
);
const HEADER = /(authorization\s*[=:]\s*)(?:basic|bearer|digest|token)\s+[^\s,;}"']+/gi;
/** A line with nothing else: `password: abc`. */
const OWN_LINE = new RegExp(`^(\\s*(?:${KEY})\\s*[=:][ \\t]*)\\S+[ \\t]*$`, 'gim');
/** `token: abc1` within a sentence, where a word may follow as well: `it wants a token: put one into a variable`. */
const IN_TEXT = new RegExp(`((?:${KEY})\\s*[=:]\\s*|\\b(?:bearer|basic)\\s+)([^\\s,;}"']+)`, 'gi');

/**
 * What may be shown, logged and kept for ever: values of secret-looking variables of `env`, of those that runbooks name, and
 * values that were read from files become `[redacted]`, every URL becomes `[url]` (it may hold a password or name an inner
 * host), and so does whatever is assigned to `password` and the like. Sentences stay as they are: a value that is an ordinary
 * word is hidden only where a value stands. Cut a text after redacting it, never before: half a secret is not recognised.
 */
export function redact(text: string, env: NodeJS.ProcessEnv = process.env): string {
  return hideSecrets(text, secretsOf(env))
    .replace(URL_PATTERN, '[url]')
    .replace(HEADER, '$1[redacted]')
    .replace(OWN_LINE, '$1[redacted]')
    .replace(ASSIGNED, '$1[redacted]')
    .replace(IN_TEXT, (all, before: string, value: string) => (looksLikeSecret(value) ? `${before}[redacted]` : all));
}

/** From now on the value of this variable is a secret. */
export function keepSecret(variable: string): void {
  named.add(variable);
}

/** From now on this text is a secret: the value of the variable came from a file. */
export function keepSecretValue(variable: string, value: string): void {
  const [newest, ...others] = readFromFiles.get(variable) ?? [];
  if (value === newest) return;
  const before = newest === undefined ? [] : [newest, ...others];
  readFromFiles.set(variable, [value, ...before].slice(0, KEPT_OF_A_FILE));
}

/** The secret texts, longest first, so that a secret inside another does not leave the rest of it behind. */
function secretsOf(env: NodeJS.ProcessEnv): string[] {
  const secrets = new Set<string>();
  const ofVariables = Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_NAME.test(name) || named.has(name) ? [value] : [],
  );
  for (const value of [...ofVariables, ...[...readFromFiles.values()].flat()]) {
    for (const part of [value, ...value.split('\n'), ...passwordsIn(value)]) {
      const secret = part.trim();
      if (secret.length >= SHORTEST_SECRET) secrets.add(secret);
    }
  }
  return [...secrets];
}

/** Where a password stands: in a URL, also with several hosts, in `key=value` pairs, behind a user's name. A mistake may have left an "@" in it. */
const PASSWORDS = [
  /^[a-z][a-z0-9+.-]*:\/\/[^/@:]*:([^@]*)@/i,
  /^[a-z][a-z0-9+.-]*:\/\/[^/@:]*:(.*)@/i,
  /password\s*=\s*'((?:[^'\\]|\\.)*)'/i,
  /password\s*=\s*([^'\s&][^\s&]*)/i,
  /^\s*[^:\s/]+:(?!\/\/)(\S+)\s*$/,
];

/** The passwords inside a URL or a connection string, as written and as decoded: drivers name them without the rest around. */
function passwordsIn(value: string): string[] {
  return PASSWORDS.flatMap((pattern) => {
    const password = pattern.exec(value)?.[1];
    return password === undefined ? [] : [password, password.replace(/\\(.)/g, '$1'), decoded(password)];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

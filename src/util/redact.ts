import { hideSecrets, looksLikeSecret } from './hide-secrets.ts';

/** Variables whose values must never be seen, by what they are called. */
const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL|COOKIE|AUTH(?!OR)|DSN|_URL$|_URI$|^PGPASS/i;
/** Variables that a runbook names as the place of a secret, whatever they are called. */
const named = new Set<string>();
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
 * What may be shown, logged and kept for ever: values of secret-looking variables of `env`, and of those that runbooks name, become `[redacted]`, every
 * URL becomes `[url]` (it may hold a password or name an inner host), and so does whatever is assigned to `password` and the
 * like. Sentences stay as they are: a value that is an ordinary word is hidden only where a value stands. Cut a text after
 * redacting it, never before: half a secret is not recognised.
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

function secretsOf(env: NodeJS.ProcessEnv): string[] {
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !(SECRET_NAME.test(name) || named.has(name))) continue;
    for (const part of [value, ...value.split('\n'), ...passwordsIn(value)]) {
      const secret = part.trim();
      if (secret.length >= SHORTEST_SECRET) secrets.add(secret);
    }
  }
  return [...secrets];
}

/** The password inside a URL, as written and as decoded, or behind the user's name: drivers name it without the rest. */
function passwordsIn(value: string): string[] {
  const password = URL.canParse(value)
    ? new URL(value).password
    : (/^[^:\s/]+:([^\s]+)$/.exec(value.trim())?.[1] ?? '');
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

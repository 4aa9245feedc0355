/** Variables whose values must never be seen, by what they are called. */
const SECRET_NAME = /TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL|COOKIE|AUTH|DSN|_URL$|_URI$|^PGPASS/i;
/** Variables that a runbook names as the place of a secret, whatever they are called. */
const named = new Set<string>();
/** Shorter values are left alone: they would blank out ordinary words. */
const SHORTEST_SECRET = 6;

/** Any scheme. The scheme's length is bounded so that a long text without blanks stays linear. */
const URL_PATTERN = /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>`]+/gi;
/** `password=...`, `"token": "..."`: secrets that came from a file or an answer and stand in no variable. */
const ASSIGNED =
  /((?:password|passwd|secret|token|api[_-]?key|authorization)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|(?:(?:bearer|basic)\s+)?[^\s,;}]+)/gi;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{6,}/gi;

/**
 * What may be shown, logged and kept for ever: values of secret-looking variables of `env`, and of those that runbooks name, become `[redacted]`, every
 * URL becomes `[url]` (it may hold a password or name an inner host), and so does whatever follows `password=` and the
 * like. Cut a text after redacting it, never before: half a secret is not recognised.
 */
export function redact(text: string, env: NodeJS.ProcessEnv = process.env): string {
  let shown = text;
  for (const secret of secretsOf(env)) shown = shown.replaceAll(secret, '[redacted]');
  return shown.replace(URL_PATTERN, '[url]').replace(ASSIGNED, '$1[redacted]').replace(BEARER, '$1 [redacted]');
}

/** From now on the value of this variable is a secret. */
export function keepSecret(variable: string): void {
  named.add(variable);
}

/** The secret texts, longest first, so that a secret inside another does not leave the rest of it behind. */
function secretsOf(env: NodeJS.ProcessEnv): string[] {
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !(SECRET_NAME.test(name) || named.has(name))) continue;
    for (const part of [value, ...value.split('\n'), ...passwordsIn(value)]) {
      const secret = part.trim();
      if (secret.length >= SHORTEST_SECRET) secrets.add(secret);
    }
  }
  return [...secrets].sort((a, b) => b.length - a.length);
}

/** The password inside a URL, as written and as decoded: drivers name it without the URL around it. */
function passwordsIn(value: string): string[] {
  if (!URL.canParse(value)) return [];
  const { password } = new URL(value);
  try {
    return [password, decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

const HIDDEN = '[redacted]';
/** A shorter one cannot be distinguished from the letters and digits of any text. */
const SHORTEST = 3;
/** One word, as sentences have them. A longer one, or one of mixed letters, stands in no sentence by chance. */
const WORD = /^(?:[A-Za-z]?[a-z]{0,14}|[A-Z]{1,15}|\d{1,9})$/;
const SHORTEST_STRONG = 6;
/** Words with dashes and punctuation, and names of variables. */
const IN_SENTENCES = /^(?:[A-Za-z]?[a-z]{0,14}(?:[-'][A-Za-z]?[a-z]{0,14}){0,4}|[A-Z_]{1,40})[.:!?)\]]*$/;
const LIKE_A_VALUE = /^[\w+/=.~%!@#$^&*-]{4,}$/;
/** No value stands in a text without these around it. */
const BEFORE_VALUE = '(?<=[="\'@]|^[\\w-]+:[ \\t]+)';
const AFTER_VALUE = '(?=["\'@,;&})\\]\\s]|$)';

/**
 * Replaces each of `secrets` by `[redacted]`: as it is, as JSON or percent-encoded text, and where it is within base64 (so also
 * the password of basic auth). One that is also an ordinary word, or short, is replaced only where it stands as a value:
 * `password=put`, `"put"`, `ana:put@`, `X-Token: put`, a line of its own; not in `put it here`. One of fewer than 3 characters is left alone.
 */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
  if (known.length === 0) return text;
  const plain = known.reduce(
    (shown, secret) =>
      isOrdinary(secret)
        ? shown.replace(asValue(escaped(secret)), HIDDEN)
        : formsOf(secret).reduce((all, form) => all.replaceAll(form, HIDDEN), shown),
    text,
  );
  const strong = known.filter((secret) => !isOrdinary(secret));
  return plain
    .replace(/[^\s"'<>`]+/g, (part) => (part.includes('%') && holds(percentDecoded(part), strong) ? HIDDEN : part))
    .replace(/[\w+/-]{8,}=*/g, (part) => (holds(base64Decoded(part), known) ? HIDDEN : part));
}

/** Whether a text is none that a sentence would have: a key, a hash, a password with digits. */
export function looksLikeSecret(text: string): boolean {
  return LIKE_A_VALUE.test(text) && !IN_SENTENCES.test(text);
}

function isOrdinary(secret: string): boolean {
  return secret.length < SHORTEST_STRONG || WORD.test(secret);
}

function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => text.includes(secret));
}

function formsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
}

function asValue(pattern: string): RegExp {
  return new RegExp(`${BEFORE_VALUE}${pattern}${AFTER_VALUE}|(?<=:)${pattern}(?=@)|^${pattern}$`, 'gm');
}

/** As far as it can be decoded. */
function percentDecoded(text: string): string {
  return text.replaceAll('+', ' ').replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** From each of the four places where base64 may begin in it: what stands before it may look like base64, too. */
function base64Decoded(text: string): string {
  return [0, 1, 2, 3].map((from) => Buffer.from(text.slice(from), 'base64').toString()).join('\n');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

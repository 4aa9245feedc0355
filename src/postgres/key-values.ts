import { SettingError } from './setting-error.ts';
import type { Written } from './url.ts';

/** `name = value`; the value in single quotes, or up to the next blank. `\` takes the next character as it is. */
const PAIR = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(?!')((?:[^\s\\]|\\.)*))/sy;

/**
 * The parameters in libpq's other form, `host=db user=checker password='a b'`.
 * @throws SettingError that shows no value.
 */
export function parseKeyValues(text: string): readonly Written[] {
  const pairs: Written[] = [];
  const end = text.trimEnd().length;
  for (PAIR.lastIndex = 0; PAIR.lastIndex < end; ) {
    const [, name, quoted, bare] = PAIR.exec(text) ?? [];
    if (name === undefined)
      throw new SettingError(
        "expected name=value pairs with blanks between them; put a value with a blank or a quote in single quotes, and write ' as \\' and \\ as \\\\",
      );
    const secret = pairs.some((pair) => pair.name.endsWith('password')); // the rest of a password with a blank, perhaps
    pairs.push({ name, value: (quoted ?? bare ?? '').replace(/\\(.)/gs, '$1'), secret });
  }
  return pairs;
}

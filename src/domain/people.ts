/**
 * Whether two names are one person's. They are typed by hand in Temporal's UI, and are the operating system's user on the
 * command line: case, blanks, invisible characters and the way a letter is composed tell nobody apart. Pure.
 */
export function isSamePerson(one: string, other: string): boolean {
  return plainName(one) === plainName(other);
}

/** Whether a text shows nothing at all, such as blanks and zero-width characters: it names nobody. Pure. */
export function isInvisible(text: string): boolean {
  return plainName(text) === '';
}

/** Upper case first: it unites what lower case alone keeps apart, such as "ß" and "SS", or the two small sigmas. */
function plainName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .trim()
    .replace(/\s+/g, ' ');
}

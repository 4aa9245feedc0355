/**
 * Whether two names are one person's. They are typed by hand in Temporal's UI, and are the operating system's user on the
 * command line: case, blanks and the way a letter is composed tell nobody apart. Pure.
 */
export function isSamePerson(one: string, other: string): boolean {
  return plainName(one) === plainName(other);
}

function plainName(name: string): string {
  return name.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replace(/\s+/g, ' ');
}

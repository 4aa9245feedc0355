const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The texts of every element of this name, in answers of S3 and STS: those have no attributes and no CDATA in what we read. */
export function elementsIn(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'));
  return Array.from(found, ([, text = '']) =>
    text.replace(/&(amp|lt|gt|quot|apos);/g, (_, entity) => ENTITIES[entity] ?? ''),
  );
}

/** The text of the first element of this name. */
export function elementIn(xml: string, name: string): string | undefined {
  return elementsIn(xml, name)[0];
}

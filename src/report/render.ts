import type { ReportDocument } from './document.ts';
import { markdownOf } from './markdown.ts';

/** The forms of a report, each also the ending of its file's name. */
export const FORMATS = ['json', 'html', 'md'] as const;
export type Format = (typeof FORMATS)[number];

/** The report as a text. Pure, but for the charts' library that is loaded for HTML alone. */
export async function render(format: Format, document: ReportDocument): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(document, null, 2)}\n`;
    case 'md':
      return markdownOf(document);
    case 'html': {
      const { htmlOf } = await import('./html.ts');
      return htmlOf(document);
    }
  }
}

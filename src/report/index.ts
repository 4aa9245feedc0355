export { documentOf } from './document.ts';
export { escaped } from './escape-html.ts';
export { FORMATS, type Format, render } from './render.ts';
export { reportJsonSchema } from './schema.ts';
export type { Poll } from './series.ts';
export { type ReportStore, createReportStore, folderOf } from './store.ts';

export { documentOf } from './document.ts';
export { escapeHtml } from './escape-html.ts';
export { FORMATS, type Format, render } from './render.ts';
export { addMeasured, type Poll } from './series.ts';
export { createReportStore, folderOf, type ReportStore } from './store.ts';
export { renderTrain } from './train.ts';

export { type Endings, type Parts, type PartsOptions, startParts } from './parts.ts';
export { type Change, WITHOUT_CHECKLIST } from './runbook.ts';

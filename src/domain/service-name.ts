/** The names of services and environments: as teams already have them, such as `payments_api` or `team/checkout`. Pure. */

/** It goes into arguments, URLs and folders, so it can never look like an option or lead out of a folder. */
export const SERVICE_NAME = /^(?=.{1,128}$)(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/;
export const SERVICE_NAME_RULE =
  'letters, digits and . _ - /, at most 128, each part between slashes starting with a letter or digit, and no ".."';

/** `shares['constructor']` of a plain object is a function, so such a name would always be found. */
export function isBuiltIn(text: string): boolean {
  return text in {};
}

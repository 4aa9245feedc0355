/** Codes of failed requests: 500 to 599, or `5xx` where codes are grouped. The watch and the rehearsal count by the same. */
export const FAILED = /^5(\d\d|xx)$/i;
